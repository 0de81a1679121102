"""A widget that is a function of its width: it paints lines, and is as high as they are many."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content
from textual.geometry import Size
from textual.widget import Widget

from otelcost.tui.text import joined


class Paint(Widget):
    """Base of our display widgets. Subclasses define `paint`; `repaint` after a change of what it shows."""

    DEFAULT_CSS = "Paint { height: auto; width: 1fr; text-wrap: nowrap; text-overflow: clip; }"

    def paint(self, width: int) -> Sequence[Content]:
        """The lines at this width."""
        raise NotImplementedError

    def repaint(self) -> None:
        """Show anew; the number of lines may have changed."""
        self.refresh(layout=True)

    def render(self) -> Content:
        """What Textual draws."""
        return joined(self.paint(self.content_size.width))

    def get_content_width(self, container: Size, viewport: Size) -> int:  # noqa: ARG002
        """All there is."""
        return container.width

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:  # noqa: ARG002
        """One row a line."""
        return len(self.paint(width))
