"""The conventions' client metrics. Recorded only where a program has set up a meter provider with a reader.

They are of every attempt, whatever the sampler says. What was only estimated is in no token metric, since a metric
cannot say so; nor is a call that another instrumentation reports.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from otelcost import __version__
from otelcost.capture.attributes import identity, input_tokens, output_tokens, seconds
from otelcost.capture.dialects import OWN_SCOPE
from otelcost.model import Call

if TYPE_CHECKING:
    from opentelemetry.context import Context

_TOKEN_BUCKETS: Final = tuple(float(4**power) for power in range(14))
_SECONDS_BUCKETS: Final = tuple(0.01 * 2**power for power in range(14))


class Instruments:
    """The histograms of one meter provider."""

    def __init__(self, provider: Any) -> None:
        self.provider = provider
        meter = provider.get_meter(OWN_SCOPE, __version__)
        self.tokens = meter.create_histogram(
            "gen_ai.client.token.usage", "{token}", "Number of input and output tokens used.",
            explicit_bucket_boundaries_advisory=_TOKEN_BUCKETS,
        )  # fmt: skip
        self.duration = meter.create_histogram(
            "gen_ai.client.operation.duration", "s", "GenAI operation duration.",
            explicit_bucket_boundaries_advisory=_SECONDS_BUCKETS,
        )  # fmt: skip
        self.first_chunk = meter.create_histogram(
            "gen_ai.client.operation.time_to_first_chunk", "s", "Time to receive the first chunk of a stream.",
            explicit_bucket_boundaries_advisory=_SECONDS_BUCKETS,
        )  # fmt: skip

    def record(self, call: Call, context: Context) -> None:
        """Record one attempt; `context` has its span, for exemplars."""
        split = identity(call)
        duration, first = seconds(call.context.duration_us), seconds(call.context.ttft_us)
        if duration is not None:
            self.duration.record(duration, split, context)
        if call.stream and first is not None:
            self.first_chunk.record(first, split, context)
        if "estimated" in call.flags:
            return
        split.pop("error.type", None)
        for kind, count in (("input", input_tokens(call)), ("output", output_tokens(call))):
            if count is not None:
                self.tokens.record(count, {**split, "gen_ai.token.type": kind}, context)


_instruments: Instruments | None = None


def instruments_of(provider: Any) -> Instruments:
    """Those of a meter provider."""
    global _instruments  # noqa: PLW0603  (a cache of one: there is one global provider)
    if _instruments is None or _instruments.provider is not provider:
        _instruments = Instruments(provider)
    return _instruments
