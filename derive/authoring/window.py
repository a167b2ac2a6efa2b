"""The window of a new series: the source's while the quantity is kept, else from the values (PS3.3 C.11.2)."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from derive.authoring.order import Order
from derive.authoring.policy import Action, row
from derive.elements.element import Element, tag_of
from derive.elements.mend import legal
from derive.model.derivation import ValuesEffect
from derive.model.frames import Frames
from derive.model.source import Attributes
from derive.model.window import Window, _many, acted_on, real_window, unit_of
from derive.pixels.encode import Encoding, Rescale

BYTE = 8

# 2026-11-30: a window that is made reaches from the smallest to the largest value of all images. It was once that of
# the middle 99 per cent of eight images: a lesion is in the last half per cent, or in another image, and was shown
# as white as anything beside it. A window that is too wide shows all, flat, and a reader narrows it; one that is too
# narrow hides, and nobody sees that it does. It is LINEAR, which is what readers without a VOI LUT Function do, and
# of full length: (low + high + 1) / 2 and high - low + 1 in what the function acts on (C.11.2.1.2.1), so that
# low is the darkest and high the brightest grey, and a width is never below 1. PET gets none: viewers have rules of
# their own for uptake, and a window over Bq/ml makes them black or white.


def kept_window(order: Order) -> Window | None:
    """Return the source's window while the quantity is kept; None without."""
    if order.target.window in ("stored", "never") or order.derivation.values_effect is ValuesEffect.NEW_QUANTITY:
        return None
    return _source_window(order.source)


# 2026-11-30: a VOI LUT was dropped as made for other stored values. It acts on what comes out of the modality LUT
# (C.11.2.1.1), HU or Bq/ml, and that is the same whatever is stored; in MR, which has none, on stored values. Where a
# source has only that, no window is made beside it: many viewers would take the window, and show what nobody chose.


def kept_luts(order: Order, encoding: Encoding | None) -> Element | None:
    """Return the source's VOI LUT Sequence, while the policy keeps it and it acts on the same numbers; else None.

    Parameters
    ----------
    order : Order
    encoding : Encoding, optional
        How all frames are stored; None where each has its own.
    """
    kept = row("voi-lut", "VOILUTSequence").action(order.derivation) is Action.RECOMPUTE
    kept = kept and order.target.window != "never"
    element = order.source.agreement(tag_of("VOILUTSequence")).element
    if not kept or element is None or not element.value:
        return None
    before = {acted_on(order.source, k) for k in range(len(order.source.frames))}
    rescaled = order.target.rescale in (Rescale.SERIES, Rescale.INSTANCE, Rescale.SLOPE)
    now = (1.0, 0.0) if rescaled else encoding and (encoding.slope, encoding.intercept)
    if before != {now}:
        return None
    return legal(element, order.target.iod.attributes["VOILUTSequence"], (), order.source.encodings)[0]


def made_window(values: tuple[float, float], encoding: Encoding | None) -> Window:
    """Return a window over values, as they are stored.

    Parameters
    ----------
    values : (low, high)
        Of all that is no padding.
    encoding : Encoding, optional
        How they are stored.
    """
    return Window.over(*(values if encoding is None else map(encoding.nearest, values)))


def picture_window(frames: Frames) -> Window | None:
    """Return the window over the stored values of pictures; those of 8 bits or less are shown as they are."""
    if frames.format.bits <= BYTE:
        return None
    pages = frames.slab(0, frames.count)
    return Window.over(float(pages.min()), float(pages.max()))


def _source_window(source: Attributes) -> Window | None:
    """Return the windows on which the whole series agrees; else one: the median of their first ones.

    With different functions they mean different things, and none is kept.
    """
    functions = {str(f or "LINEAR") for f in source.values("VOILUTFunction")}
    function = None if functions <= {"LINEAR"} else min(functions)
    windows = [
        Window(*real_window(source, k), function=function, unit=unit_of(source, k)) for k in range(len(source.frames))
    ]
    legal = [w for w in windows if w.centers and len(w.centers) == len(w.widths) and _wide_enough(w)]
    if not legal or len(functions) > 1:
        return None
    if len(set(windows)) == 1:
        names = tuple(_texts(source.value("WindowCenterWidthExplanation")))
        return replace(legal[0], explanations=names if len(names) == len(legal[0].centers) else ())
    center, width, unit = np.median([(w.centers[0], w.widths[0], w.unit) for w in legal], axis=0)
    return Window((float(center),), (float(width),), function=function, unit=float(unit))


def _wide_enough(window: Window) -> bool:
    """Whether every number is one, and every width what its function allows: 1 of its unit for LINEAR."""
    least = window.narrowest * (window.unit if window.linear else 1.0)
    return all(map(math.isfinite, (*window.centers, *window.widths))) and min(window.widths) >= least * (1 - 1e-9)


def _texts(value: Any) -> list[str]:
    return [] if value is None else [str(v) for v in (value if _many(value) else [value])]
