"""A page as a PNG: Pillow and numpy alone."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from derive.display.fonts import lettered, width_of
from derive.display.layout import BAR_HEIGHT, Layout, Placed, Style, beside, layout_of
from derive.display.page import Page, coloured
from derive.writing.atomic import target_files, unwritable

#: Darker than any text and lighter than black, so that the edges of a picture show.
PAPER, INK, LETTERS = (32, 33, 36), (232, 234, 237), (253, 214, 99)


def image_of(page: Page, style: Style | None = None) -> Image.Image:
    """Draw a page.

    Returns
    -------
    PIL.Image.Image
        R G B.
    """
    style = style or Style()
    layout = layout_of(page, style)
    image = Image.new("RGB", layout.size, PAPER)
    pen = ImageDraw.Draw(image)
    _heading(pen, layout, style)
    for placed in layout.panels:
        image.paste(_picture(placed), (placed.left, placed.top))
        _caption(pen, placed, style)
        _letters(pen, placed, style)
        _bar(pen, placed, style)
        _ends(image, pen, placed, style)
    return image


def png_of(page: Page, style: Style | None = None) -> bytes:
    """Return a page as the bytes of a PNG file."""
    stream = io.BytesIO()
    image_of(page, style).save(stream, "PNG", optimize=True)
    return stream.getvalue()


def save(page: Page, path: Path, *, overwrite: bool = False) -> tuple[int, int]:
    """Write a page as a PNG file, whole or not at all.

    Returns
    -------
    (width, height) in pixels

    Raises
    ------
    OutputError
        ``OUT-EXISTS``, or ``OUT-WRITE`` if it cannot be written.
    """
    image = image_of(page)
    with target_files([path], overwrite=overwrite) as (file,):
        try:
            image.save(file, "PNG")
        except OSError as error:
            raise unwritable(path.name, error) from error
    width, height = image.size
    return width, height


def _heading(pen: ImageDraw.ImageDraw, layout: Layout, style: Style) -> None:
    top = layout.heading_top
    for number, line in enumerate(layout.heading):
        size = style.text if number else style.title
        _write(pen, (style.gap, top), line, size)
        top += style.line if number else round(style.title * 1.45)


def _write(
    pen: ImageDraw.ImageDraw, place: tuple[int, int], text: str, size: int, colour: tuple[int, int, int] = INK
) -> None:
    shown, font = lettered(text, size)
    pen.text(place, shown, font=font, fill=colour)


def _picture(placed: Placed) -> Image.Image:
    """Stretch a picture to its size in mm."""
    own = Image.fromarray(np.ascontiguousarray(placed.panel.image))
    size = (placed.width, placed.height)
    return own.resize(size, Image.Resampling.BILINEAR).convert("RGB")


def _caption(pen: ImageDraw.ImageDraw, placed: Placed, style: Style) -> None:
    for number, line in enumerate(placed.caption):
        left = max(style.gap, placed.left + (placed.width - width_of(line, style.text)) // 2)
        _write(pen, (left, placed.caption_top + number * style.line), line, style.text)


def _letters(pen: ImageDraw.ImageDraw, placed: Placed, style: Style) -> None:
    if placed.panel.edges is None:
        return
    edges, size, away = placed.panel.edges, style.text, beside(placed.panel, placed.width, style)
    middle = placed.top + placed.height // 2 - round(size * 0.6)
    centre = placed.left + placed.width // 2
    for text, left, top in (
        (edges.left, placed.left - away - width_of(edges.left, size), middle),
        (edges.right, placed.left + placed.width + away, middle),
        (edges.top, centre - width_of(edges.top, size) // 2, placed.top - round(size * 1.3)),
        (edges.bottom, centre - width_of(edges.bottom, size) // 2, placed.top + placed.height + 2),
    ):
        _write(pen, (left, top), text, size, LETTERS)


def _bar(pen: ImageDraw.ImageDraw, placed: Placed, style: Style) -> None:
    """Draw the scale: a line as long as it says, with ends, and its length beside it."""
    if not placed.panel.bar_mm:
        return
    text = f"{placed.panel.bar_mm:g} mm"
    whole = placed.bar + 6 + width_of(text, style.text)
    left = placed.left + (placed.width - whole) // 2
    middle, right = placed.below + style.line // 2, left + placed.bar - 1
    pen.rectangle((left, middle - 1, right, middle), fill=INK)
    for end in (left, right):
        pen.line((end, middle - 4, end, middle + 3), fill=INK)
    _write(pen, (right + 7, placed.below + 1), text, style.text)


def _ends(image: Image.Image, pen: ImageDraw.ImageDraw, placed: Placed, style: Style) -> None:
    """Draw the colours of a difference and what they mean."""
    ends = placed.panel.ends
    if ends is None:
        return
    width = max(placed.width, sum(width_of(t, style.text) for t in ends) + 24)
    left, top = placed.left + (placed.width - width) // 2, placed.below + (style.line if placed.panel.bar_mm else 0) + 2
    row = coloured(np.linspace(-1.0, 1.0, width, dtype=np.float64), 1.0)
    image.paste(Image.fromarray(np.repeat(row[None], BAR_HEIGHT, axis=0)), (left, top))
    widths = [width_of(t, style.text) for t in ends]
    lefts = (left, left + (width - widths[1]) // 2, left + width - widths[2])
    for text, place in zip(ends, lefts, strict=True):
        _write(pen, (place, top + BAR_HEIGHT + 2), text, style.text)
