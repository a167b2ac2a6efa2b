"""Text on a picture: Pillow's own font, so that a page is the same everywhere, and others for what it lacks."""

from __future__ import annotations

import unicodedata
from functools import cache

from PIL import ImageFont

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

#: Fonts of systems, tried in this order for texts with characters that Pillow's own font does not have.
SYSTEM_FONTS = (
    "DejaVuSans.ttf",
    "NotoSans-Regular.ttf",
    "Arial Unicode.ttf",
    "arial.ttf",
    "NotoSansCJK-Regular.ttc",
    "NotoSansCJKjp-Regular.otf",
    "malgun.ttf",
    "msyh.ttc",
)
#: No font has it: what is drawn for it is drawn for all that a font lacks.
UNASSIGNED = "\U0010ffff"
#: What a font without accents and signs can say instead.
INSTEAD = {"°": " deg", "·": "-", "µ": "u", "ß": "ss", "…": "..."}


@cache
def own_font(size: int) -> Font:
    """Return Pillow's own font."""
    return ImageFont.load_default(size)


@cache
def system_font(name: str, size: int) -> Font | None:
    """Return a font of the system, if it is there."""
    try:
        return ImageFont.truetype(name, size)
    except OSError:
        return None


def lettered(text: str, size: int) -> tuple[str, Font]:
    """Return a text as it can be drawn, and a font that has all of it.

    Where no font has it, letters lose their accents, and what is left becomes a question mark.
    """
    shown = "".join(c if c.isprintable() else " " for c in text)
    fonts = [own_font(size), *(f for name in SYSTEM_FONTS if not shown.isascii() and (f := system_font(name, size)))]
    for font in fonts:
        if all(_has(font, character) for character in set(shown)):
            return shown, font
    plain = unicodedata.normalize("NFKD", "".join(INSTEAD.get(c, c) for c in shown))
    kept = "".join(c for c in plain if not unicodedata.combining(c))
    return "".join(c if _has(fonts[0], c) else "?" for c in kept), fonts[0]


def _has(font: Font, character: str) -> bool:
    if character.isascii():
        return True
    return bool(bytes(font.getmask(character)) != bytes(font.getmask(UNASSIGNED)))


def width_of(text: str, size: int) -> int:
    """Width in pixels."""
    shown, font = lettered(text, size)
    return int(-(-font.getlength(shown) // 1))


def wrapped(text: str, size: int, width: int) -> list[str]:
    """Break a text into lines of at most `width` pixels, between words where that is possible."""
    lines, line = [], ""
    for word in text.split():
        longer = f"{line} {word}".strip()
        if line and width_of(longer, size) > width:
            lines.append(line)
            longer = word
        while width_of(longer, size) > width and len(longer) > 1:
            end = next(n for n in range(len(longer) - 1, 0, -1) if n == 1 or width_of(longer[:n], size) <= width)
            lines.append(longer[:end])
            longer = longer[end:]
        line = longer
    return [*lines, line] if line else lines
