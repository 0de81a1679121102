"""What a prompt was made of and where the provider's cache stopped reading it."""

from __future__ import annotations

from textual.content import Content

from otelcost import display
from otelcost.tui import anatomy
from otelcost.tui.snapshot import Call, CallDetail, Part
from otelcost.tui.text import crop, line, rule
from otelcost.tui.widgets.paint import Paint

_LISTED = 60


class AnatomyBar(Paint):
    """The bar, its legend, the cached line and the parts themselves."""

    def __init__(self) -> None:
        super().__init__(id="anatomy")
        self.call: Call | None = None
        self.parts: tuple[Part, ...] = ()
        self.step = 0

    def show(self, detail: CallDetail) -> None:
        """Show another prompt."""
        self.call, self.parts, self.step = detail.call, detail.parts, detail.cache_step_tokens
        self.repaint()

    def paint(self, width: int) -> list[Content]:
        """All of it."""
        if self.call is None or not self.parts:
            return [rule("PROMPT", width), line(("anatomy unknown: no prompt was seen for this call", "$text-muted"))]
        body = anatomy.anatomy(self.parts)
        unit = "tokens" if body.exact else "bytes (tokens per part unknown)"
        note = f"{display.count(body.total)} {unit} in {display.plural(len(self.parts), 'part')}"
        return [
            rule("PROMPT", width, note),
            line(*anatomy.bar(body.shares, width)),
            *_cached(self.call, width, self.step),
            *_legend(body, width),
            *_break(self.call, self.parts, width, self.step),
            Content(""),
            *_list(self.parts, body, width),
        ]


def _legend(body: anatomy.Anatomy, width: int) -> list[Content]:
    rows: list[list[tuple[str, str]]] = [[]]
    used = 0
    for share in body.by_kind():
        text = f"{anatomy.GLYPHS[share.kind]} {share.kind} {display.percent(share.weight, body.total)}   "
        if used + len(text) > width and rows[-1]:
            rows.append([])
            used = 0
        rows[-1].append((text, anatomy.STYLES[share.kind]))
        used += len(text)
    return [line(*row) for row in rows]


def _cached(call: Call, width: int, step: int) -> list[Content]:
    drawn = anatomy.cached_line(call.cache_read_tokens, call.input_tokens, width, step)
    if not drawn:
        return [line(("cached: unknown", "$text-muted"))]
    solid = drawn.count(anatomy.CACHED)
    return [line((drawn[:solid], "bold $text-success"), (drawn[solid:], "$text-muted"))]


def _break(call: Call, parts: tuple[Part, ...], width: int, step: int) -> list[Content]:
    rows = [_cache_words(call)]
    found = anatomy.break_at(parts, call.cache_read_tokens, step)
    if found is not None:
        how = "ended before" if found.whole else "broke in"
        rows.append(f"the cached prefix {how} part {found.position}: {_name(found.part)}")
    changing = anatomy.volatile(parts)
    if changing is not None:
        position, part = changing
        offset = part.volatile_offset_bytes
        where = f" at byte {offset:,}" if offset is not None else ""
        rows.append(f"part {position} ({_name(part)}) holds values that change: {', '.join(part.volatile)}{where}")
    return [line((crop(display.clean(row), width), "")) for row in rows]


def _cache_words(call: Call) -> str:
    read, whole = call.cache_read_tokens, call.input_tokens
    if read is None or whole is None:
        return "what was read from the provider's cache is unknown"
    if not read:
        return f"nothing of {whole:,} tokens was read from the provider's cache"
    return f"{read:,} of {whole:,} tokens ({display.percent(read, whole)}) read from the provider's cache"


def _name(part: Part) -> str:
    words = [part.role] if part.role == part.kind else [part.role, part.kind]
    return " ".join([*words, part.name] if part.name else words)


def _list(parts: tuple[Part, ...], body: anatomy.Anatomy, width: int) -> list[Content]:
    lines = [_row(position, part, body, width) for position, part in enumerate(parts[:_LISTED], 1)]
    if len(parts) > _LISTED:
        lines.append(line((f"and {len(parts) - _LISTED} more parts", "$text-muted")))
    return lines


def _row(position: int, part: Part, body: anatomy.Anatomy, width: int) -> Content:
    weight = part.tokens if body.exact and part.tokens is not None else part.bytes
    size = f"{weight:>9,} {'tok' if body.exact else 'B':<4}{display.percent(weight, body.total):>5}  "
    marks = (f"  [breakpoint {part.cache}]" if part.cache else "") + "".join(f"  ~{kind}" for kind in part.volatile)
    name = display.clean(_name(part) + marks)
    return line((f"{position:>4}", "$text-muted"), (size, ""), crop(name, max(4, width - 26)))
