"""Request anatomy: parts become segments with hashes, sizes and shares of the provider's own total."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, cast

from otelcost.model import Segment, SegmentKind
from otelcost.wire.hashing import Hasher
from otelcost.wire.large import of_part, scan_part
from otelcost.wire.masks import Scan
from otelcost.wire.parts import Part, Request

MAX_SEGMENTS: Final = 256
"""Longer prompts have their middle merged into one segment: both ends are what caching is decided by."""

_KEPT_HEAD: Final = 192
_KEPT_TAIL: Final = MAX_SEGMENTS - _KEPT_HEAD - 1

_BYTES_PER_TOKEN: Final = 4
_NOMINAL_TOKENS: Final[dict[tuple[SegmentKind, str | None], int]] = {
    ("image", "low"): 85,
    ("image", None): 765,
    ("audio", None): 300,
    ("document", None): 1500,
}
"""Media are billed by size in pixels, seconds and pages, not by bytes: they weigh this much in the sharing."""

_EDGE_BYTES: Final = 256
"""How much of either end of a long message its similarity hash is made from: words cost far more than other bytes."""

_MEDIA: Final = frozenset({"image", "audio", "document"})
_MEMO_LIMIT: Final = 8192
_memo: dict[tuple[int, int], Scan] = {}
"""Scans by (length, keyed hash): system prompts, tools and history come again in the next call, and a
scan costs ten times a hash. It holds digests and offsets, never text, and changes no result."""

_fingerprints: dict[tuple[tuple[int, int], ...], int] = {}
"""The same for the fingerprints of system texts."""

_FINGERPRINTED_BYTES: Final = 8 * 1024  # of each: what a task is stands at the start


def forget() -> None:
    """Empty the memos, for measurements."""
    _memo.clear()
    _fingerprints.clear()


def edges(text: bytes) -> bytes:
    """The first and the last words of a long text: a question stands at one of its ends, a document between them."""
    return b"%b %b" % (text[:_EDGE_BYTES], text[-_EDGE_BYTES:])


class Anatomy:
    """Segments of one request with their hashes, before the tokens are known."""

    __slots__ = ("_request", "hasher", "hashes", "items", "prefixes", "scans")

    def __init__(self, request: Request, hasher: Hasher) -> None:
        self._request = request
        self.hasher = hasher
        parts = request.parts
        self.hashes = [of_part(part.raw, hasher) for part in parts]
        self.prefixes = self._chain(parts, self.hashes)
        self.items: list[tuple[Part, int, int]] = list(zip(parts, self.hashes, self.prefixes, strict=True))
        if len(parts) > MAX_SEGMENTS:
            middle = self._merge(self.items[_KEPT_HEAD : len(parts) - _KEPT_TAIL])
            self.items[_KEPT_HEAD : len(parts) - _KEPT_TAIL] = [middle]
        self.scans = [self._scan(part, hashed) for part, hashed, _ in self.items]

    def _chain(self, parts: Sequence[Part], hashes: Sequence[int]) -> list[int]:
        prefixes: list[int] = []
        running = 0
        for part, hashed in zip(parts, hashes, strict=True):
            running = self.hasher.chain(running, hashed, part.role)
            prefixes.append(running)
        return prefixes

    def _merge(self, items: Sequence[tuple[Part, int, int]]) -> tuple[Part, int, int]:
        raw = b"".join(part.raw for part, _, _ in items)
        cache = next((part.cache for part, _, _ in reversed(items) if part.cache), None)
        return Part("user", "text", raw, cache=cache), of_part(raw, self.hasher), items[-1][2]

    def _scan(self, part: Part, hashed: int) -> Scan:
        if part.kind in _MEDIA:  # base64 has no template, and digits by the thousand
            return Scan(hashed, (), None, None)
        key = (len(part.raw), hashed)
        known = _memo.get(key)
        if known is None:
            known = scan_part(part.raw, hashed, self.hasher)
            if len(_memo) >= _MEMO_LIMIT:
                _memo.clear()
            _memo[key] = known
        return known

    def segments(self, input_tokens: int | None) -> tuple[Segment, ...]:
        """The segments; `input_tokens`, where known, is shared out among them without remainder."""
        shares: Sequence[int | None]
        if input_tokens is None or self._request.hidden_context:
            shares = [None] * len(self.items)
        else:
            shares = share(input_tokens, [_weight(part) for part, _, _ in self.items])
        return tuple(
            Segment(
                role=part.role,
                kind=part.kind,
                hash=hashed,
                template_hash=found.template_hash,
                prefix_hash=prefix,
                bytes=len(part.raw),
                tokens=tokens,
                name=part.name,
                cache=cast("Literal['5m', '1h', '30m', '12h'] | None", part.cache),
                volatile=found.classes,
                volatile_offset_bytes=found.offset_bytes,
                volatile_bytes=found.volatile_bytes,
                image_detail=part.detail,
            )
            for (part, hashed, prefix), found, tokens in zip(self.items, self.scans, shares, strict=True)
        )

    def request_hash(self) -> int:
        """Hash of the whole request with its parameters; how it is delivered and billed to is left out."""
        canonical = self._request.canonical
        if self._request.apart and self.prefixes:  # the last link stands for every part before it
            canonical = [*canonical, self.prefixes[-1].to_bytes(8, "big")]
        return self.hasher.of_all(canonical)

    def tools_hash(self) -> int | None:
        """Hash of the tools offered, in order; None without tools."""
        return self.hasher.of_hashes([h for p, h, _ in self.items if p.kind == "tool"])

    def system_template_hash(self) -> int | None:
        """Hash of the templates of all system texts; None without any."""
        pairs = zip(self.items, self.scans, strict=True)
        return self.hasher.of_hashes(
            [s.template_hash for (p, _, _), s in pairs if p.role == "system" and p.kind == "text"]
        )

    def schema_hash(self) -> int | None:
        """Hash of the output schema; None without one."""
        return None if self._request.schema is None else self.hasher.of(self._request.schema)

    def simhash(self) -> int | None:
        """Fingerprint of the last text the user wrote."""
        for part in reversed(self._request.parts):
            if part.role == "user" and part.kind == "text":
                raw = part.raw
                return self.hasher.simhash(raw if len(raw) <= 2 * _EDGE_BYTES else edges(raw))
        return None

    def system_simhash(self) -> int | None:
        """Fingerprint of the system texts without their digits; None without any.

        Templates with names and tables of a customer in them differ, but stay near one another.
        """
        found = [(part, h) for part, h, _ in self.items if part.role == "system" and part.kind == "text"]
        if not found:
            return None
        key = tuple((len(part.raw), hashed) for part, hashed in found)
        known = _fingerprints.get(key)
        if known is not None:
            return known
        text = b" ".join(part.raw[:_FINGERPRINTED_BYTES] for part, _ in found)
        fingerprint = self.hasher.simhash(text.translate(None, b"0123456789"))
        if len(_fingerprints) >= _MEMO_LIMIT:
            _fingerprints.clear()
        if fingerprint is not None:
            _fingerprints[key] = fingerprint
        return fingerprint

    def writes_long(self) -> bool:
        """Whether every cache breakpoint asks for the longer time to live."""
        markers = {part.cache for part, _, _ in self.items if part.cache}
        return bool(markers) and markers <= {"1h", "12h"}


def _weight(part: Part) -> int:
    if part.kind not in _MEDIA:
        return len(part.raw)
    nominal = _NOMINAL_TOKENS.get((part.kind, part.detail)) or _NOMINAL_TOKENS[part.kind, None]
    return nominal * _BYTES_PER_TOKEN


def share(total: int, weights: Sequence[int]) -> list[int]:
    """Split `total` in proportion to `weights`; the shares always add up to it.

    Each share is the difference of two rounded running sums, so no error accumulates.
    """
    whole = sum(weights)
    if whole == 0:
        weights, whole = [1] * len(weights), len(weights)
    shares: list[int] = []
    running = given = 0
    for weight in weights:
        running += weight
        upto = (total * running + whole // 2) // whole
        shares.append(upto - given)
        given = upto
    return shares
