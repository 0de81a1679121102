"""Trouble on demand: what the header `x-loopback-scenario` or the control endpoint may ask for.

A scenario is a name with optional parameters: `429;retry-after-ms=5`, `truncate;after=3`. The names:

- any HTTP error status (`400`, `401`, `429`, `500`, `529`, ...): that error, in the provider's own shape;
- `stream-error;after=N`: an error event inside a stream that began with 200;
- `truncate;after=N`: the connection breaks after N events; `cut;after=N`: the stream ends early but cleanly;
- `pause;after=N`: N events, then silence until the client goes away; `hang`: no answer at all;
- `slow;ms=N`: a delay before every event; `non-json`, `wrong-type`, `gzip`, `huge;bytes=N`: odd bodies;
- `broken-json`: an answer that is not the JSON it was asked for; `tool`: call a tool where the choice is free;
- `tier;served=NAME`: served on another tier than asked for (`batch`, `priority`, `flex`, `default`, ...).
"""

from __future__ import annotations

from typing import Final, NamedTuple

from otelcost.demo.provider.prompt import BadRequestError

HEADER: Final = "x-loopback-scenario"

_STREAM_NAMES: Final = frozenset({"stream-error", "truncate", "cut", "pause", "slow"})
_BODY_NAMES: Final = frozenset({"non-json", "wrong-type", "gzip", "huge", "broken-json"})
_NAMES: Final = _STREAM_NAMES | _BODY_NAMES | {"hang", "tool", "tier"}


class Scenario(NamedTuple):
    """What a request should meet; an empty name is plain sailing."""

    name: str = ""
    parameters: tuple[tuple[str, str], ...] = ()

    @property
    def status(self) -> int | None:
        """The HTTP error status asked for, if any."""
        return int(self.name) if self.name.isdecimal() else None

    def number(self, key: str, default: int) -> int:
        """A whole-number parameter."""
        return int(dict(self.parameters).get(key, default))

    def word(self, key: str) -> str | None:
        """A text parameter."""
        return dict(self.parameters).get(key)


def parse(text: str) -> Scenario:
    """Read `name;key=value;...`. Raises BadRequestError for a name that means nothing."""
    name, *rest = (part.strip() for part in text.split(";"))
    if name and name not in _NAMES and not (name.isdecimal() and 400 <= int(name) <= 599):
        raise BadRequestError(f"unknown scenario {name!r}; known: an error status, {', '.join(sorted(_NAMES))}")
    pairs = (part.partition("=") for part in rest if part)
    return Scenario(name, tuple((key.strip(), value.strip()) for key, _, value in pairs))
