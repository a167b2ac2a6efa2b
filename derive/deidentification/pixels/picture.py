"""A frame as a person would see it, in grey: what text is looked for in."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from derive.deidentification.pixels.black import luminance
from derive.elements.instance import Instance
from derive.pixels.samples import SampleLayout

_INVERSE, _PALETTE, _LUMINANCE = "MONOCHROME1", "PALETTE COLOR", "YBR"
#: Shares of the values that become black and white: a few very bright ones would make all else black.
_LOW, _HIGH = 0.5, 99.8


def picture_of(words: NDArray[Any], layout: SampleLayout, instance: Instance) -> NDArray[np.uint8]:
    """Return a frame in grey.

    Parameters
    ----------
    words : (rows, columns, samples)
        Allocated words; of pairs of pixels (rows, columns / 2, 4) where they share chrominance.
    layout : SampleLayout
    instance : Instance
        For its palette.

    Returns
    -------
    (rows, columns) uint8
    """
    values = _stored(words, layout)
    if layout.shares_chrominance:
        values = values[..., :2].reshape(layout.rows, layout.columns, 1)
    if layout.photometric == _PALETTE:
        grey = _shown(values[..., 0], instance)
    elif layout.samples < 3 or layout.photometric.startswith(_LUMINANCE):
        grey = values[..., 0].astype(float)
    else:
        # the lightest of the three: text of any colour on black is as light as white text
        grey = values[..., :3].max(axis=2).astype(float)
    low, high = np.percentile(grey, (_LOW, _HIGH)) if layout.samples == 1 else (0, (1 << layout.bits_stored) - 1)
    if high <= low:
        low, high = float(grey.min()), float(grey.max()) + 1
    shown = np.clip((grey - low) * (255 / (high - low)), 0, 255).astype(np.uint8)
    return 255 - shown if layout.photometric == _INVERSE else shown


def _stored(words: NDArray[Any], layout: SampleLayout) -> NDArray[Any]:
    native = words.astype(words.dtype.newbyteorder("="))
    if layout.bits_allocated == 1:
        return native
    above, below = layout.bits_allocated - 1 - layout.high_bit, layout.bits_allocated - layout.bits_stored
    return np.asarray(np.right_shift(np.left_shift(native, above), below)) if below else native


def _shown(indices: NDArray[Any], instance: Instance) -> NDArray[np.float64]:
    first, bright = luminance(instance)
    if not len(bright):
        return indices.astype(float)
    return np.asarray(bright[np.clip(indices.astype(int) - first, 0, len(bright) - 1)])
