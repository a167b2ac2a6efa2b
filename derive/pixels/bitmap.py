"""Bit-packed planes: overlays (PS3.5 8.1.2), one bit a pixel, the first in the least significant bit."""

from __future__ import annotations

import numpy as np

#: So thin is a line and no letter, in pixels.
_THIN = 3


def without_small_shapes(value: bytes, shape: tuple[int, int, int], smallest: int) -> bytes:
    """Return planes of bits without the shapes that could be letters, and without holes that could be.

    A shape stays where both sides of its bounding box are longer than `smallest`, or where it is a longer line so
    thin that no letter is. What is behind the last pixel becomes zero.

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
    kept = _large(plane, 8, smallest)
    return kept if not kept.any() else 1 - _large(1 - kept, 4, smallest, holes=True)


def _large(plane: np.ndarray, connectivity: int, smallest: int, *, holes: bool = False) -> np.ndarray:
    """Leave the connected shapes that are no letters; of what is around shapes also all that touches the edge."""
    import cv2

    _, labels, stats, _ = cv2.connectedComponentsWithStats(plane, connectivity=connectivity)
    x, y, width, height = (
        stats[:, n] for n in (cv2.CC_STAT_LEFT, cv2.CC_STAT_TOP, cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT)
    )
    short, long = np.minimum(width, height), np.maximum(width, height)
    stays = (short > smallest) | ((short <= _THIN) & (long > smallest))
    if holes:
        stays |= (x == 0) | (y == 0) | (x + width == plane.shape[1]) | (y + height == plane.shape[0])
    stays[0] = False
    kept: np.ndarray = stays[labels].astype(np.uint8)
    return kept
