"""Where everything of a page goes, in pixels: one scale for all its pictures, nothing cut off."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from derive.display.fonts import width_of, wrapped
from derive.display.page import Page, Panel


@dataclass(frozen=True)
class Style:
    """Sizes in pixels.

    Parameters
    ----------
    box : (height, width)
        What the largest picture gets.
    text, title : int
        Sizes of the fonts: of captions and letters, of the heading.
    words : bool
        Whether there is a heading and captions.
    """

    box: tuple[int, int] = (420, 420)
    text: int = 14
    title: int = 16
    words: bool = True

    @property
    def line(self) -> int:
        """Height of a line."""
        return round(self.text * 1.45)

    @property
    def gap(self) -> int:
        """Between pictures, and to the edges of the page."""
        return self.text


SMALL = Style(box=(150, 150), text=11, words=False)
#: Narrowest page, so that its heading does not become a column.
NARROWEST = 560
#: Height of the colours of a difference; and how near letters stand to a picture.
BAR_HEIGHT = 8
NEAR = 3


@dataclass(frozen=True)
class Placed:
    """A picture at its place.

    Parameters
    ----------
    panel : Panel
    left, top, width, height : int
        Of the pixels of the picture itself.
    caption : tuple of str
        Its lines; none where there are no words.
    caption_top, below : int
        Where the caption begins, and what stands below the picture and its letter.
    bar : int
        Length of its scale bar in pixels.
    """

    panel: Panel
    left: int
    top: int
    width: int
    height: int
    caption: tuple[str, ...]
    caption_top: int
    below: int
    bar: int


@dataclass(frozen=True)
class Layout:
    """A page in pixels.

    Parameters
    ----------
    size : (width, height)
    pixels_per_mm : float
    heading : tuple of str
        Its lines, broken; the first one in the larger font.
    heading_top : int
    panels : tuple of Placed
    """

    size: tuple[int, int]
    pixels_per_mm: float
    heading: tuple[str, ...]
    heading_top: int
    panels: tuple[Placed, ...]


@dataclass(frozen=True)
class _Column:
    width: int
    left: int


def layout_of(page: Page, style: Style | None = None) -> Layout:
    """Place everything: all pictures at one scale, the largest as large as its box."""
    style = style or Style()
    panels = [p for row in page.rows for p in row]
    scale = min(style.box[0] / max(p.size_mm[0] for p in panels), style.box[1] / max(p.size_mm[1] for p in panels))
    columns = _columns(page.rows, scale, style)
    width = max(columns[-1].left + columns[-1].width + style.gap, NARROWEST if style.words else 0)
    heading: list[str] = []
    if style.words:
        for number, text in enumerate(page.heading):
            heading += wrapped(text, style.text if number else style.title, width - 2 * style.gap)
    top = style.gap + (round(style.title * 1.45) + style.line * (len(heading) - 1) + style.gap if heading else 0)
    placed: list[Placed] = []
    for row in page.rows:
        new = _row(row, columns, top, scale, style)
        placed += new
        top = max(_bottom(p, style) for p in new) + style.gap
    return Layout((width, top), scale, tuple(heading), style.gap, tuple(placed))


def pixels(mm: float, scale: float) -> int:
    """Length in whole pixels, at least one."""
    return max(1, round(mm * scale))


def _columns(rows: Sequence[Sequence[Panel]], scale: float, style: Style) -> list[_Column]:
    columns: list[_Column] = []
    left = style.gap
    for panels in zip(*rows, strict=True):
        width = max(max(_lettered(p, scale, style), _narrowest(p, scale, style)) for p in panels)
        columns.append(_Column(width, left))
        left += width + style.gap
    return columns


def _lettered(panel: Panel, scale: float, style: Style) -> int:
    """Width of a picture with the letters at its sides."""
    width = pixels(panel.size_mm[1], scale)
    if panel.edges is None:
        return width
    return width + 2 * (max(width_of(t, style.text) for t in panel.edges[:2]) + beside(panel, width, style) + NEAR)


def beside(panel: Panel, width: int, style: Style) -> int:
    """How far letters at the sides keep from a picture, and from wider letters above and below it."""
    assert panel.edges is not None, "asked for where there are letters"
    wider = max(width_of(t, style.text) for t in panel.edges[2:]) - width
    return NEAR + max(0, -(-wider // 2))


def _narrowest(panel: Panel, scale: float, style: Style) -> int:
    """Room for the text, none of which is broken: the scale, the ends of a difference, the caption."""
    needed = [0]
    if panel.bar_mm:
        needed.append(pixels(panel.bar_mm, scale) + width_of(f"{panel.bar_mm:g} mm", style.text) + 12)
    if panel.ends:
        needed.append(sum(width_of(t, style.text) for t in panel.ends) + 24)
    if style.words:
        needed += [width_of(line, style.text) for line in panel.caption]
    return max(needed)


def _row(row: Sequence[Panel], columns: Sequence[_Column], top: int, scale: float, style: Style) -> list[Placed]:
    lines = max(len(p.caption) for p in row) if style.words else 0
    first = top + (lines + 1) * style.line
    placed = []
    for panel, column in zip(row, columns, strict=True):
        height, width = (pixels(mm, scale) for mm in panel.size_mm)
        left = column.left + (column.width - width) // 2
        below = first + height + style.line + style.text // 2
        bar = round(panel.bar_mm * scale)
        placed.append(Placed(panel, left, first, width, height, panel.caption if style.words else (), top, below, bar))
    return placed


def _bottom(placed: Placed, style: Style) -> int:
    bar = style.line if placed.panel.bar_mm else 0
    return placed.below + bar + (BAR_HEIGHT + style.line + 4 if placed.panel.ends else 0)
