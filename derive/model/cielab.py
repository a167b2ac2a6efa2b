"""Colours as DICOM recommends them: CIE L*a*b* of the white of D50 (PS3.3 C.10.7.1.1, the PCS of ICC profiles)."""

from __future__ import annotations

import numpy as np

#: Linear sRGB to XYZ of D50, adapted from D65 by Bradford (ICC, IEC 61966-2-1).
_TO_XYZ = np.array(
    [[0.4360747, 0.3850649, 0.1430804], [0.2225045, 0.7168786, 0.0606169], [0.0139322, 0.0971045, 0.7141733]]
)
_TO_RGB = np.linalg.inv(_TO_XYZ)
_WHITE = _TO_XYZ.sum(axis=1)
_LEAST, _STEEP = (6 / 29) ** 3, (29 / 6) ** 2 / 3
_RANGE = 65535
#: L* goes from 0 to 100, a* and b* from -128 to 127.
_LOWEST, _SPAN = np.array([0, 128, 128]), np.array([100, 255, 255])


def stored_lab(rgb: tuple[int, int, int]) -> tuple[int, int, int]:
    """Return L*, a*, b* of an sRGB colour, as the attribute stores them.

    >>> stored_lab((255, 255, 255))
    (65535, 32896, 32896)
    """
    c = np.array(rgb) / 255
    linear = np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)
    t = _TO_XYZ @ linear / _WHITE
    x, y, z = np.where(t > _LEAST, np.cbrt(t), t * _STEEP + 4 / 29)
    lab = np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])
    stored = np.rint((lab + _LOWEST) / _SPAN * _RANGE).clip(0, _RANGE)
    return int(stored[0]), int(stored[1]), int(stored[2])


def shown_rgb(lab: tuple[int, int, int]) -> tuple[int, int, int]:
    """Return the sRGB colour of stored L*, a*, b*; the nearest where a screen has none.

    >>> shown_rgb(stored_lab((241, 172, 34)))
    (241, 172, 34)
    """
    light, a, b = np.array(lab) / _RANGE * _SPAN - _LOWEST
    y = (light + 16) / 116
    f = np.array([y + a / 500, y, y - b / 200])
    t = np.where(f > 6 / 29, f**3, (f - 4 / 29) / _STEEP)
    linear = (_TO_RGB @ (t * _WHITE)).clip(0, 1)
    c = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    rgb = np.rint(c * 255)
    return int(rgb[0]), int(rgb[1]), int(rgb[2])
