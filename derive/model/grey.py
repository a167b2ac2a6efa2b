"""Values to grey levels: the window functions of PS3.3 C.11.2.1.2 and C.11.2.1.3, and which window is taken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from derive.errors import UsageError
from derive.model.source import Attributes
from derive.model.volume import Array, shown_units
from derive.model.window import Window, real_window

Levels = NDArray[np.uint8]
WHITE = 255
#: The exponent beyond which a sigmoid is black or white in every digit.
STEEPEST = 700.0
#: Share of the values that a window made for a picture leaves out at each end.
WINDOW_TAIL_PERCENT = 0.5
FUNCTIONS = ("LINEAR", "LINEAR_EXACT", "SIGMOID")
#: Where a window comes from, in words.
STATED, MEDIAN, ASKED = "of the series", "median of the windows of the images", "as asked"
FROM_VALUES = f"{WINDOW_TAIL_PERCENT:g} to {100 - WINDOW_TAIL_PERCENT:g} % of the values shown"


@dataclass(frozen=True)
class Grey:
    """One window, in real-world values.

    Parameters
    ----------
    center, width : float
    function : {"LINEAR", "LINEAR_EXACT", "SIGMOID"}
        VOI LUT Function (0028,1056); empty of colours, which have no window.
    origin : str
        Where it comes from, for people.
    """

    center: float
    width: float
    function: str
    origin: str

    def levels(self, values: Array, *, inverted: bool = False) -> Levels:
        """Return grey levels 0 to 255; what is no number has the level of the least value.

        Parameters
        ----------
        values : array of float
        inverted : bool
            Whether the least value is white.
        """
        shares = np.clip(self._shares(values.astype(np.float64)), 0.0, 1.0)
        grey = np.rint(np.nan_to_num(shares, nan=0.0) * WHITE).astype(np.uint8)
        return WHITE - grey if inverted else grey

    def _shares(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Share of the full range, not cut at its ends yet."""
        if self.function == "SIGMOID":
            slope = np.clip(-4 * (values - self.center) / self.width, -STEEPEST, STEEPEST)
            return np.asarray(1 / (1 + np.exp(slope)))
        if self.function == "LINEAR_EXACT":
            return (values - self.center) / self.width + 0.5
        middle, span = self.center - 0.5, self.width - 1
        if span == 0:
            return np.where(np.isnan(values), np.nan, (values > middle).astype(np.float64))
        return (values - middle) / span + 0.5

    def says(self, units: str) -> str:
        """Return the window for people."""
        if not self.function:
            return self.origin
        return (
            f"window center {self.center:.5g}, width {self.width:.5g}{shown_units(units)} "
            f"({self.function}, {self.origin})"
        )

    def to_json(self) -> dict[str, Any]:
        """Return everything, for programs."""
        return dict(vars(self))


#: Of what is in colours, which has no window.
IN_COLOURS = Grey(0.0, 0.0, "", "colours as they are")


def asked(window: Sequence[float]) -> Grey:
    """Return the window that somebody asks for: exactly from center - width / 2 to center + width / 2.

    Raises
    ------
    UsageError
        ``SHOW-WINDOW`` unless it is a center and a width above 0.
    """
    if len(window) != 2 or not np.isfinite(window).all() or window[1] <= 0:
        found = " ".join(f"{float(v):g}" for v in window)
        raise UsageError("SHOW-WINDOW", f"window {found or 'without numbers'}; wanted a center and a width above 0")
    return Grey(float(window[0]), float(window[1]), "LINEAR_EXACT", ASKED)


def of_window(window: Window) -> Grey | None:
    """Return the first of the windows that a series in the making gets; None if its function does not allow it."""
    return _legal(window.centers[0], window.widths[0], window.function, STATED) if window.centers else None


def of_series(source: Attributes, count: int) -> Grey | None:
    """Return the first window of a series; the median where its images differ; None without any.

    Parameters
    ----------
    source : Attributes
    count : int
        How many images are looked at: those of its first volume, since volumes may differ by far.
    """
    found: list[Grey] = []
    for index in range(count):
        centers, widths = real_window(source, index)
        if centers and widths:
            grey = _legal(centers[0], widths[0], source.value("VOILUTFunction", index), STATED)
            found += [grey] if grey else []
    if len(set(found)) < 2:
        return found[0] if found else None
    functions = {g.function for g in found}
    center, width = np.median([(g.center, g.width) for g in found], axis=0)
    return _legal(float(center), float(width), functions.pop() if len(functions) == 1 else None, MEDIAN)


def of_values(planes: Sequence[Array]) -> Grey:
    """Return a window that nearly all values are in."""
    values = np.concatenate([p.ravel() for p in planes])
    values = values[np.isfinite(values)]
    if not values.size:
        return Grey(0.0, 1.0, "LINEAR_EXACT", "there are no values")
    low, high = np.percentile(values, [WINDOW_TAIL_PERCENT, 100 - WINDOW_TAIL_PERCENT])
    if low == high:
        low, high = values.min(), values.max()
    width = float(high) - float(low)
    return Grey((float(low) + float(high)) / 2, width or 1.0, "LINEAR_EXACT", FROM_VALUES)


def _legal(center: float, width: float, function: object, origin: str) -> Grey | None:
    """A width of LINEAR is 1 or more, of the others above 0; a function without a name here is LINEAR."""
    name = str(function) if function in FUNCTIONS else "LINEAR"
    narrowest = 1.0 if name == "LINEAR" else np.nextafter(0.0, 1.0)
    if not (np.isfinite([center, width]).all() and width >= narrowest):
        return None
    return Grey(float(center), float(width), name, origin)
