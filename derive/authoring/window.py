"""The window of a new series: the source's while the quantity is kept, else from the values (PS3.3 C.11.2)."""

from __future__ import annotations

from typing import Any

import numpy as np

from derive.authoring.order import Order
from derive.model.derivation import ValuesEffect
from derive.model.frames import Frames
from derive.model.source import Attributes
from derive.model.window import Window, _many, real_window
from derive.pixels.encode import Rescale, decimal

#: Slices looked at for a window, and the share of the values left out at each end.
WINDOW_SLICES = 8
WINDOW_TAIL_PERCENT = 0.5
#: Below this width the window function is LINEAR_EXACT, which allows widths under 1 (C.11.2.1.3.2).
NARROW = 20.0
BYTE = 8


def window_of(order: Order) -> Window | None:
    """Return the source's window while the quantity is kept; else one from the values.

    Pictures of 8 bits or less are shown as they are, without a window.
    """
    source, frames = order.source, order.frames
    if order.target.rescale is Rescale.NONE:
        return _whole_range(frames)
    if order.derivation.values_effect is not ValuesEffect.NEW_QUANTITY:
        kept = _source_window(source)
        if kept is not None:
            return kept
    return _window_of_values(frames)


def _source_window(source: Attributes) -> Window | None:
    """Return the windows on which the whole series agrees; else one: the median of their first ones.

    With different functions they mean different things, and none is kept.
    """
    functions = {str(f or "LINEAR") for f in source.values("VOILUTFunction")}
    function = None if functions <= {"LINEAR"} else min(functions)
    least = Window((), (), function=function).narrowest
    pairs = [real_window(source, k) for k in range(len(source.frames))]
    legal = [p for p in pairs if p[0] and len(p[0]) == len(p[1]) and min(p[1]) >= least]
    if not legal or len(functions) > 1:
        return None
    if len(set(pairs)) == 1:
        names = tuple(_texts(source.value("WindowCenterWidthExplanation")))
        same_count = len(names) == len(legal[0][0])
        return Window(*legal[0], names if same_count else (), function)
    center, width = np.median([(p[0][0], p[1][0]) for p in legal], axis=0)
    return Window((float(center),), (float(width),), function=function)


def _window_of_values(frames: Frames) -> Window:
    count = frames.count
    chosen = sorted({round(i) for i in np.linspace(0, count - 1, min(count, WINDOW_SLICES))})
    values = np.concatenate([frames.slab(i, i + 1).ravel() for i in chosen])
    values = values[~np.isnan(values)]
    if not values.size:
        return Window((0.0,), (1.0,))
    low, high = np.percentile(values, [WINDOW_TAIL_PERCENT, 100 - WINDOW_TAIL_PERCENT])
    width = float(high - low) or 1.0
    function = "LINEAR_EXACT" if width < NARROW else None
    return Window((decimal(float(low + high) / 2),), (decimal(width),), function=function)


def _whole_range(frames: Frames) -> Window | None:
    if frames.format.bits <= BYTE:
        return None
    pages = frames.slab(0, frames.count)
    low, high = float(pages.min()), float(pages.max())
    return Window(((low + high + 1) / 2,), (max(high - low + 1, 1.0),))


def _texts(value: Any) -> list[str]:
    return [] if value is None else [str(v) for v in (value if _many(value) else [value])]
