"""A request too big to be read in the host's process: its parameters from both ends, without the prompt.

Reading costs the host about 14 ms of standstill a megabyte. Parameters stand before or after the prompt, and
inside a JSON string their quotes would be escaped.
"""

from __future__ import annotations

import re
from typing import Final

LIMIT_BYTES: Final = 2 * 1024 * 1024
_END_BYTES: Final = 32 * 1024
# A pattern that starts with a literal character is looked for several times faster.
_MEMBER: Final = re.compile(
    rb'"(?<!\\")(model|stream|max_tokens|max_completion_tokens|max_output_tokens|temperature|n|reasoning_effort'
    rb'|service_tier|speed)"\s*:\s*("[^"\\]{1,200}"|-?\d{1,9}(?:\.\d{1,9})?|true|false)'
)


def sketch(body: bytes) -> bytes:
    """The parameters of a JSON request as a JSON object; empty where the body is of another kind."""
    if body[:1] != b"{":
        return b""
    found: dict[bytes, bytes] = {}
    ends = (body[-_END_BYTES:], body[:_END_BYTES]) if len(body) > _END_BYTES else (body,)
    for end in ends:
        for match in _MEMBER.finditer(end):
            found.setdefault(match[1], match[2])
    return b"{" + b",".join(b'"%b":%b' % pair for pair in found.items()) + b"}"
