"""Advice: rules select recorded calls and name a change, one engine re-prices the change."""

from __future__ import annotations

from otelcost.advise.engine import calls_of, recommend
from otelcost.advise.report import Headline, Insight, NotChecked, Period, Recommendation, Report

__all__ = ["Headline", "Insight", "NotChecked", "Period", "Recommendation", "Report", "calls_of", "recommend"]
