"""The report as one self-contained page: facts read once, pictures and tables from them, a template for the rest."""

from otelcost.cli.page.facts import Facts, read
from otelcost.cli.page.render import page

__all__ = ["Facts", "page", "read"]
