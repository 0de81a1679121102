"""Lenient reading of JSON in slices: nothing is decoded before it is asked for, nothing ever raises."""

from __future__ import annotations

from typing import Final

import msgspec

from otelcost.wire.registry import MAX_NAME

BAD_JSON: Final = (ValueError, RecursionError)
"""What decoding of arbitrary bytes may raise: msgspec's errors and bad UTF-8 are ValueErrors."""

MAX_COUNT: Final = 1 << 53
"""Every whole number below it is exact in whatever reads it."""

_ANY: Final = msgspec.json.Decoder()
_OBJECT: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_OBJECTS: Final = msgspec.json.Decoder(list[dict[str, msgspec.Raw]])
_ARRAY: Final = msgspec.json.Decoder(list[msgspec.Raw])


def decode_any(raw: bytes | memoryview | msgspec.Raw) -> object:
    """Any JSON value as Python objects, None where it does not parse."""
    try:
        value: object = msgspec.json.decode(raw)
    except BAD_JSON:
        return None
    return value


def decode_array(raw: bytes | msgspec.Raw) -> list[msgspec.Raw] | None:
    """The items of a JSON array as slices, None for anything else."""
    try:
        return _ARRAY.decode(raw)
    except BAD_JSON:
        return None


def as_text(value: object) -> str | None:
    """A non-empty string cut to `MAX_NAME` characters, else None."""
    return value[:MAX_NAME] if isinstance(value, str) and value else None


def as_count(value: object) -> int | None:
    """A whole number that a 64-bit column can hold and that counts something, else None."""
    if isinstance(value, float) and value.is_integer():  # some servers write 6.0
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < MAX_COUNT:
        return value
    return None


def as_number(value: object) -> float | None:
    """A number as float, else None. JSON knows no infinities, and msgspec refuses those it would make."""
    if isinstance(value, int | float) and not isinstance(value, bool) and -1e15 < value < 1e15:
        return float(value)
    return None


def given(raw: msgspec.Raw) -> bytes | None:
    """A member's exact bytes, None where it is missing or null."""
    data = bytes(raw)  # compared, not looked up in a set: that would hash a whole prompt
    return None if data == b"null" or not data else data


class Fields:
    """The members of one JSON object, each decoded when it is read."""

    __slots__ = ("raw",)

    def __init__(self, raw: dict[str, msgspec.Raw]) -> None:
        self.raw = raw

    @classmethod
    def parse(cls, data: bytes | msgspec.Raw) -> Fields | None:
        """The members of `data`, None unless it is a JSON object."""
        try:
            return cls(_OBJECT.decode(data))
        except BAD_JSON:
            return None

    @staticmethod
    def members(data: bytes | msgspec.Raw | None) -> dict[str, msgspec.Raw] | None:
        """The members of an object as they are, None for anything else."""
        found = Fields.parse(data) if data is not None else None
        return found.raw if found is not None else None

    def slice(self, name: str) -> bytes | None:
        """The member's exact bytes, None where it is missing, null or an empty slice."""
        raw = self.raw.get(name)
        return None if raw is None else given(raw)

    def view(self, name: str) -> memoryview | None:
        """What `slice` returns, in place: a prompt is large, and memory new to the process is dear."""
        raw = self.raw.get(name)
        if raw is None:
            return None
        data = memoryview(raw)
        return None if data[:5].tobytes() in {b"null", b""} else data

    def value(self, name: str) -> object:
        """The member fully decoded; only for members that are small by nature."""
        raw = self.raw.get(name)
        return None if raw is None else decode_any(raw)

    def text(self, name: str) -> str | None:
        """The member as a short string."""
        raw = self.raw.get(name)  # most members are missing from most objects
        if raw is None:
            return None
        try:  # `as_text` and `decode_any` in place: nothing else is called as often
            value = _ANY.decode(raw)
        except BAD_JSON:
            return None
        return value[:MAX_NAME] if type(value) is str and value else None

    def count(self, name: str) -> int | None:
        """The member as a whole number, not negative."""
        raw = self.raw.get(name)
        return None if raw is None else as_count(decode_any(raw))

    def number(self, name: str) -> float | None:
        """The member as a float."""
        raw = self.raw.get(name)
        return None if raw is None else as_number(decode_any(raw))

    def object(self, name: str) -> Fields | None:
        """The member as an object."""
        raw = self.raw.get(name)
        return None if raw is None else Fields.parse(raw)

    def array(self, name: str) -> list[msgspec.Raw] | None:
        """The member's items as slices."""
        raw = self.raw.get(name)
        return None if raw is None else decode_array(raw)

    def either(self, *names: str) -> str:
        """The first of these members that is there, the first name where none is."""
        return next((name for name in names if name in self.raw), names[0])

    def objects(self, name: str) -> list[Fields]:
        """The member's items that are objects; none where it is no array."""
        raw = self.raw.get(name)
        if raw is None:
            return []
        try:
            return [Fields(item) for item in _OBJECTS.decode(raw)]
        except BAD_JSON:
            parsed = [Fields.parse(item) for item in decode_array(raw) or ()]
            return [item for item in parsed if item is not None]
