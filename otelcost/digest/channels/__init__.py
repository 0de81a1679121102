"""The ways a digest leaves: each says what became of it, and nothing else decides about a second attempt."""

from otelcost.digest.channels.base import Outcome, Sender
from otelcost.digest.channels.pick import pick

__all__ = ["Outcome", "Sender", "pick"]
