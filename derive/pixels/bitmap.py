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
    kept = _large(plane | _blank_letters(plane, smallest), smallest)
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
    """Return the holes in areas that could be letters, word by word; what lines enclose is none of an area."""
    import cv2

    _, labels, stats, _ = cv2.connectedComponentsWithStats(1 - plane, connectivity=4)
    small = np.minimum(stats[:, cv2.CC_STAT_WIDTH], stats[:, cv2.CC_STAT_HEIGHT]) <= smallest
    small[0] = False
    holes = small[labels].astype(np.uint8)
    near = cv2.dilate(holes, np.ones((2 * _THIN + 1, 2 * _THIN + 1), np.uint8))
    _, words, stats, _ = cv2.connectedComponentsWithStats(near, connectivity=8)
    in_area = np.concatenate(([False], _in_area(plane, stats[1:])))
    found: np.ndarray = holes & in_area[words].astype(np.uint8)
    return found


def _in_area(plane: np.ndarray, stats: np.ndarray) -> np.ndarray:
    """Tell which boxes are filled at two sides that face each other; the sides of boxes are so wide."""
    filled = np.pad(plane.astype(np.int64).cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    left, top, width, height = (stats[:, n].astype(np.int64) for n in range(4))
    right, bottom = left + width, top + height
    x0, x1, y0, y1 = left + _THIN, right - _THIN, top + _THIN, bottom - _THIN

    def share(left: np.ndarray, top: np.ndarray, right: np.ndarray, bottom: np.ndarray) -> np.ndarray:
        found: np.ndarray = filled[bottom, right] - filled[top, right] - filled[bottom, left] + filled[top, left]
        return np.asarray(found / np.maximum((right - left) * (bottom - top), 1))

    above, below = share(left, top, right, y0), share(left, y1, right, bottom)
    before, behind = share(left, top, x0, bottom), share(x1, top, right, bottom)
    return np.asarray((np.minimum(above, below) >= _MOST) | (np.minimum(before, behind) >= _MOST))
