"""Bit-packed planes: overlays (PS3.5 8.1.2), one bit a pixel, the first in the least significant bit."""

from __future__ import annotations

import numpy as np

#: So thin is a line and no letter, in pixels; what is thicker is an area, in which letters may be left blank.
_THIN = 3
#: Share of what is on two sides of a hole, so wide, that has to be filled.
_MOST = 0.9


def without_small_shapes(value: bytes, shape: tuple[int, int, int], smallest: int) -> bytes:
    """Return planes of bits without the shapes that could be letters, and without letters that areas leave blank.

    A shape stays where both sides of its bounding box are longer than `smallest`, or where it is a longer line so
    thin that no letter is; what hangs on a straight line that long is looked at by itself. What is behind the last
    pixel becomes zero.

    Parameters
    ----------
    value : bytes
    shape : tuple of int
        Frames, rows, columns.
    smallest : int
        Length in pixels.

    Raises
    ------
    ValueError
        For a value that is shorter than its planes.
    """
    count = shape[0] * shape[1] * shape[2]
    bits = np.unpackbits(np.frombuffer(value, np.uint8), bitorder="little")
    if bits.size < count:
        raise ValueError(f"{bits.size} bits, not {count}")
    planes = bits[:count].reshape(shape)
    left = np.stack([_without_small_shapes(plane, smallest) for plane in planes])
    packed = np.packbits(left.reshape(-1), bitorder="little").tobytes()
    return packed.ljust(len(value), b"\0")


def _without_small_shapes(plane: np.ndarray, smallest: int) -> np.ndarray:
    if not plane.any():
        return plane
    blank = _blank_letters(plane, smallest)
    while blank.any():  # what stands between the strokes of one letter is seen when the other strokes are filled
        plane = plane | blank
        blank = _blank_letters(plane, smallest)
    kept = _large(plane, smallest)
    lines = _straight(kept, smallest)
    left: np.ndarray = lines | _large(kept & (1 - lines), smallest)
    return left


def _large(plane: np.ndarray, smallest: int) -> np.ndarray:
    """Leave the connected shapes that are no letters."""
    import cv2

    _, labels, stats, _ = cv2.connectedComponentsWithStats(plane, connectivity=8)
    width, height = stats[:, cv2.CC_STAT_WIDTH], stats[:, cv2.CC_STAT_HEIGHT]
    short, long = np.minimum(width, height), np.maximum(width, height)
    stays = (short > smallest) | ((short <= _THIN) & (long > smallest))
    stays[0] = False
    kept: np.ndarray = stays[labels].astype(np.uint8)
    return kept


def _straight(plane: np.ndarray, smallest: int) -> np.ndarray:
    """Return the rows and columns of pixels that are longer than any letter's."""
    import cv2

    length = smallest + 1
    across, down = (
        cv2.morphologyEx(plane, cv2.MORPH_OPEN, np.ones(side, np.uint8)) for side in ((1, length), (length, 1))
    )
    return np.maximum(across, down).astype(np.uint8)


def _blank_letters(plane: np.ndarray, smallest: int) -> np.ndarray:
    """Return the holes in areas that could be letters; what lines enclose is none of an area."""
    import cv2

    _, labels, stats, _ = cv2.connectedComponentsWithStats(1 - plane, connectivity=4)
    x, y, width, height = (stats[:, n].astype(np.int64) for n in range(4))
    filled = np.pad(plane.astype(np.int64).cumsum(0).cumsum(1), ((1, 0), (1, 0)))

    def share(left: np.ndarray, top: np.ndarray, right: np.ndarray, bottom: np.ndarray) -> np.ndarray:
        """How much of a box is filled; outside of the plane nothing is."""
        boxes = (((left, right), plane.shape[1]), ((top, bottom), plane.shape[0]))
        (x0, x1), (y0, y1) = ((np.clip(v, 0, n) for v in b) for b, n in boxes)
        inside = filled[y1, x1] - filled[y0, x1] - filled[y1, x0] + filled[y0, x0]
        found: np.ndarray = inside / ((right - left) * (bottom - top))
        return found

    right, bottom = x + width, y + height
    above, below = share(x, y - _THIN, right, y), share(x, bottom, right, bottom + _THIN)
    before, behind = share(x - _THIN, y, x, bottom), share(right, y, right + _THIN, bottom)
    in_area = (np.minimum(above, below) >= _MOST) | (np.minimum(before, behind) >= _MOST)
    letters = in_area & (np.minimum(width, height) <= smallest)
    letters[0] = False
    found: np.ndarray = letters[labels].astype(np.uint8)
    return found
