"""Palettes: what colour stands for how much (PS3.6 B.1), and colours of things that are told apart by their numbers.

DICOM's well-known palettes are those that pydicom brings, byte by byte; others are matplotlib's, where it is installed.

*2026-12-01, one name twice.* Both have a spring, a summer and a winter, which are not alike. The name alone is
DICOM's; ``matplotlib:spring`` is the other one.
"""

from __future__ import annotations

import colorsys
import csv
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.pixels.processing import apply_color_lut

from derive.errors import UsageError
from derive.told.wording import did_you_mean

#: How many colours a palette has.
STEPS = 256
#: Before the name of one of matplotlib's.
_OF_MATPLOTLIB = "matplotlib:"
#: How far the hue of a number is from that of the one before: the golden section, which comes near none it was at.
_TURN, _FULL, _BRIGHT = 0.618033988749895, 0.85, 1.0
#: Tristimulus values of white, D50 (PS3.3 C.10.7.1.1), and the way from there to linear sRGB, whose white is D65: the
#: inverse of the colorants of IEC 61966-2-1 as ICC profiles have them, adapted after Bradford.
_WHITE = (0.9642, 1.0, 0.8249)
_COLORANTS = ((0.4360747, 0.3850649, 0.1430804), (0.2225045, 0.7168786, 0.0606169), (0.0139322, 0.0971045, 0.7141733))
#: Where the cube root of CIE L*a*b* becomes a line, and the power of sRGB.
_CIE_LINE, _SRGB_LINE = 6 / 29, 0.0031308


@cache
def known_palettes() -> dict[str, str]:
    """DICOM's well-known palettes: names, and the UID of each."""
    text = files(__package__).joinpath("palettes.tsv").read_text(encoding="utf-8")
    return {row["name"]: row["uid"] for row in csv.DictReader(text.splitlines(), delimiter="\t")}


@cache
def palette_of(name: str) -> NDArray[np.uint8]:
    """Return the colours of a palette, from those of the least value on.

    Parameters
    ----------
    name : str
        ``hot-iron``, ``pet``, ...; the UID of one of them; or a name of matplotlib, ``viridis``.

    Returns
    -------
    (256, 3) uint8, read-only
        R G B.

    Raises
    ------
    UsageError
        ``OP-COLORMAP`` for one that there is not.
    """
    known = known_palettes()
    uid = known.get(name.lower().replace("_", "-"), name if name in known.values() else "")
    colours = _of_matplotlib(name) if not uid else apply_color_lut(np.arange(STEPS, dtype=np.uint8), palette=uid)
    found = np.ascontiguousarray(colours, np.uint8)
    found.flags.writeable = False
    return found


def _of_matplotlib(name: str) -> NDArray[Any]:
    try:
        import matplotlib
    except ImportError:
        raise UsageError(
            "OP-COLORMAP",
            f"colormap {name!r:.40}; wanted one of {', '.join(known_palettes())}; those of matplotlib are known too "
            "where it is installed: pip install 'dicom-derive[show]'",
        ) from None
    names = [own for own in matplotlib.colormaps if not own.endswith("_r")]
    own = name.removeprefix(_OF_MATPLOTLIB)
    if own not in matplotlib.colormaps:
        raise UsageError(
            "OP-COLORMAP",
            f"colormap {name!r:.40}; wanted one of {', '.join(known_palettes())}, or of matplotlib's "
            f"{', '.join(names)}{did_you_mean(own, [*known_palettes(), *names])}",
        )
    return np.asarray(matplotlib.colormaps[own]((np.arange(STEPS) + 0.5) / STEPS, bytes=True))[:, :3]


def colour_of_number(number: int) -> tuple[int, int, int]:
    """Return a colour for what is told apart by its number: far from those of the numbers beside it."""
    red, green, blue = colorsys.hsv_to_rgb((number - 1) * _TURN % 1.0, _FULL, _BRIGHT)
    return round(red * 255), round(green * 255), round(blue * 255)


def to_cielab(rgb: Sequence[int]) -> tuple[int, int, int]:
    """Return an sRGB colour as DICOM scales CIELab, 16 bits each: what :func:`of_cielab` makes sRGB of.

    >>> of_cielab(to_cielab((241, 172, 34)))
    (241, 172, 34)
    """
    c = np.array(rgb) / 255
    linear = np.where(c <= 12.92 * _SRGB_LINE, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)
    line = 3 * _CIE_LINE**2
    t = np.array(_COLORANTS) @ linear / np.array(_WHITE)
    x, y, z = np.where(t > _CIE_LINE**3, np.cbrt(t), t / line + 4 / 29)
    scaled = ((116 * y - 16) / 100, (500 * (x - y) + 128) / 255, (200 * (y - z) + 128) / 255)
    lightness, a, b = (round(min(max(float(v), 0.0), 1.0) * 65535) for v in scaled)
    return lightness, a, b


def of_cielab(scaled: Sequence[int]) -> tuple[int, int, int]:
    """Return sRGB of a CIELab value as DICOM scales it, 16 bits each (PS3.3 C.10.7.1.1).

    Parameters
    ----------
    scaled : (L*, a*, b*)
        0 to 65535: L* from 0 to 100, a* and b* from -128 to 127.
    """
    lightness, a, b = (value / 65535 for value in scaled)
    y = (lightness * 100 + 16) / 116
    each = (y + (a * 255 - 128) / 500, y, y - (b * 255 - 128) / 200)
    line = 3 * _CIE_LINE**2
    xyz = [w * (t**3 if t > _CIE_LINE else line * (t - 4 / 29)) for w, t in zip(_WHITE, each, strict=True)]
    linear = np.clip(np.linalg.solve(np.array(_COLORANTS), np.array(xyz)), 0, 1)
    shown = np.where(linear <= _SRGB_LINE, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    red, green, blue = (round(float(v) * 255) for v in shown)
    return red, green, blue
