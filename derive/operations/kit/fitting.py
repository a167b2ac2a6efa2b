"""Curves through the samples of every pixel: signals that decay, that recover, that depend on a flip angle.

Each function takes all samples of many pixels, (samples, pixels) float64, where NaN is a sample that does not count,
and where the samples are. A pixel in which fewer count than a curve needs has none: NaN.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
#: How a curve is fitted: to logarithms by a line, or to the signals themselves.
Method = Literal["log-linear", "non-linear"]
#: Rounds of the iteration; a step smaller than this part of its value is none.
_ROUNDS, _CLOSE = 60, 1e-9
#: Times T1 that are tried first, by what factor they lie apart, and how often the best of them is looked at closer.
_TRIED, _CLOSER = 160, 12
#: How far from the shortest and the longest sample a T1 can be told, as factors.
_BELOW, _ABOVE = 0.05, 20.0


class Fit(NamedTuple):
    """A curve for every pixel.

    Parameters
    ----------
    value : (pixels,) float64
        What was wanted of it: a rate, or a time.
    r2 : (pixels,) float64
        Coefficient of determination, in what was fitted (logarithms, or signals); NaN where the samples are no more
        than what the curve needs to pass through all of them.
    """

    value: Values
    r2: Values


def decay_rates(signals: Values, at: Sequence[float], method: Method) -> Fit:
    """Fit ``S = A exp(-R x)``; return R, in the inverse of the unit of x.

    *2026-12-01.* By a line through the logarithms every signal weighs the same, so that small ones with their noise
    weigh too much; through the signals themselves it is the best guess for noise that is the same everywhere.
    """
    x = np.asarray(at, float)
    counts = np.isfinite(signals) & (signals > 0)
    logs = np.log(np.where(counts, signals, 1.0))
    intercept, slope, r2 = _lines(np.broadcast_to(x[:, None], signals.shape), logs, counts)
    if method == "log-linear":
        return Fit(-slope, r2)
    there = np.isfinite(signals)
    start = -slope
    rate, amplitude = _decays(np.where(there, signals, 0.0), x, there, start, np.exp(intercept))
    model = amplitude * np.exp(-rate * x[:, None])
    return Fit(rate, _determination(signals, model, there, needed=2))


def _lines(x: Values, y: Values, counts: NDArray[np.bool_]) -> tuple[Values, Values, Values]:
    """Return intercept, slope and coefficient of determination of the line through the samples that count."""
    n = counts.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean_x, mean_y = (np.where(counts, v, 0).sum(axis=0) / n for v in (x, y))
        dx, dy = np.where(counts, x - mean_x, 0), np.where(counts, y - mean_y, 0)
        square_x, square_y, product = (dx**2).sum(axis=0), (dy**2).sum(axis=0), (dx * dy).sum(axis=0)
        slope = np.where((n >= 2) & (square_x > 0), product / square_x, np.nan)
        r2 = np.where((n > 2) & (square_y > 0), product**2 / (square_x * square_y), np.nan)
    return mean_y - slope * mean_x, slope, r2


def _decays(
    signals: Values, x: Values, there: NDArray[np.bool_], rate: Values, amplitude: Values
) -> tuple[Values, ...]:
    """Minimise the squared distances of the signals themselves from the curve (Levenberg and Marquardt)."""
    scale = float(np.abs(x).max()) or 1.0
    u, r, a = x[:, None] / scale, rate * scale, amplitude.copy()
    damping = np.full(r.shape, 1e-3)
    cost = _cost(signals, u, there, r, a)
    for _ in range(_ROUNDS):
        e = np.where(there, np.exp(np.clip(-r * u, -60, 60)), 0.0)
        off, by_r = np.where(there, signals - a * e, 0.0), -a * u * e
        aa, rr, ar = (e * e).sum(axis=0), (by_r * by_r).sum(axis=0), (e * by_r).sum(axis=0)
        ga, gr = (e * off).sum(axis=0), (by_r * off).sum(axis=0)
        daa, drr = aa * (1 + damping), rr * (1 + damping)
        with np.errstate(invalid="ignore", divide="ignore"):
            determinant = daa * drr - ar * ar
            step_a, step_r = (drr * ga - ar * gr) / determinant, (daa * gr - ar * ga) / determinant
        step_a, step_r = (np.where(np.isfinite(s), s, 0.0) for s in (step_a, step_r))
        tried = _cost(signals, u, there, r + step_r, a + step_a)
        better = tried < cost
        r, a, cost = np.where(better, r + step_r, r), np.where(better, a + step_a, a), np.where(better, tried, cost)
        damping = np.clip(np.where(better, damping / 5, damping * 5), 1e-12, 1e12)
        if np.all((np.abs(step_r) <= _CLOSE * (np.abs(r) + _CLOSE)) | np.isnan(r)):
            break
    return r / scale, a


def _cost(signals: Values, u: Values, there: NDArray[np.bool_], r: Values, a: Values) -> Values:
    off = np.where(there, signals - a * np.exp(np.clip(-r * u, -60, 60)), 0.0)
    return np.asarray((off * off).sum(axis=0))


def _determination(signals: Values, model: Values, there: NDArray[np.bool_], *, needed: int) -> Values:
    """Return which part of the squared distances from the mean the curve explains."""
    n = there.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(there, signals, 0).sum(axis=0) / n
        around = (np.where(there, signals - mean, 0) ** 2).sum(axis=0)
        left = (np.where(there, signals - model, 0) ** 2).sum(axis=0)
        return np.where((n > needed) & (around > 0) & np.isfinite(left), 1 - left / around, np.nan)


def recovery_times(signals: Values, at: Sequence[float], *, magnitude: bool) -> Fit:
    """Fit ``S = a + b exp(-x / T1)``, of a magnitude its absolute value; return T1, in the unit of x.

    *2026-12-01.* For every T1 the best a and b follow in one step, so that T1 alone is searched (Barral et al. 2010).
    Of a magnitude the sign of the samples before the smallest one is turned; the smallest one itself is tried with
    both signs.
    """
    x = np.asarray(at, float)
    order = np.argsort(x)
    x, signals = x[order], signals[order]
    there = np.isfinite(signals)
    best = Fit(np.full(signals.shape[1], np.nan), np.full(signals.shape[1], np.nan))
    left = np.full(signals.shape[1], np.inf)
    for signed in _polarities(signals, there) if magnitude else [signals]:
        time, cost = _recovered(np.where(there, signed, 0.0), x, there)
        r2 = _of_recovery(signed, x, there, time)
        better = cost < left
        best = Fit(np.where(better, time, best.value), np.where(better, r2, best.r2))
        left = np.where(better, cost, left)
    return best


def _polarities(signals: Values, there: NDArray[np.bool_]) -> list[Values]:
    smallest = np.argmin(np.where(there, signals, np.inf), axis=0)
    place = np.arange(len(signals))[:, None]
    return [np.where(place < smallest, -signals, signals), np.where(place <= smallest, -signals, signals)]


def _recovered(signals: Values, x: Values, there: NDArray[np.bool_]) -> tuple[Values, Values]:
    """Return the T1 that leaves the least, and what it leaves; of an end of what can be told nothing."""
    span = x[x > 0]
    low, high = np.log(_BELOW * span.min()), np.log(_ABOVE * span.max())
    tried = np.linspace(low, high, _TRIED)
    cost = np.full(signals.shape[1], np.inf)
    best = np.full(signals.shape[1], np.nan)
    for each in tried:
        found = _left(signals, x, there, np.full(signals.shape[1], np.exp(each)))
        best, cost = np.where(found < cost, each, best), np.minimum(found, cost)
    ends = (best <= tried[0]) | (best >= tried[-1]) | (there.sum(axis=0) < 3)
    step = np.full(signals.shape[1], tried[1] - tried[0])
    for _ in range(_CLOSER):
        step /= 2
        for side in (-1, 1):
            found = _left(signals, x, there, np.exp(best + side * step))
            best, cost = np.where(found < cost, best + side * step, best), np.minimum(found, cost)
    return np.where(ends, np.nan, np.exp(best)), np.where(ends, np.inf, cost)


def _left(signals: Values, x: Values, there: NDArray[np.bool_], time: Values) -> Values:
    """Squared distances that are left with this T1, of the best line in ``exp(-x / T1)``."""
    e = np.exp(-x[:, None] / time)
    intercept, slope, _ = _lines(e, signals, there)
    off = np.where(there, signals - intercept - slope * e, 0)
    return np.where(np.isfinite(slope), (off**2).sum(axis=0), np.inf)


def _of_recovery(signals: Values, x: Values, there: NDArray[np.bool_], time: Values) -> Values:
    with np.errstate(invalid="ignore"):
        e = np.exp(-x[:, None] / time)
    intercept, slope, _ = _lines(e, np.where(there, signals, 0), there)
    return _determination(signals, intercept + slope * e, there, needed=3)


def flip_angle_times(signals: Values, degrees: Sequence[float], tr_ms: float) -> Fit:
    """Fit the signal of a spoiled gradient echo over its flip angle by a line; return T1 in ms.

    ``S / sin = E1 S / tan + M0 (1 - E1)``, with ``E1 = exp(-TR / T1)`` (Gupta 1977, Deoni 2003).
    """
    angle = np.radians(np.asarray(degrees, float))[:, None]
    counts = np.isfinite(signals) & (signals > 0)
    y, x = (np.where(counts, signals / f(angle), 0.0) for f in (np.sin, np.tan))
    _, slope, r2 = _lines(x, y, counts)
    with np.errstate(invalid="ignore", divide="ignore"):
        time = np.where((slope > 0) & (slope < 1), -tr_ms / np.log(slope), np.nan)
    return Fit(time, np.where(np.isfinite(time), r2, np.nan))
