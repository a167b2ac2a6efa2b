"""Relaxation times: T2 and T2* of several echoes, T1 of several inversion times or flip angles."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Literal, NamedTuple, TypeVar

import numpy as np

from codes import Code
from derive.errors import UsageError
from derive.model.derivation import GeometryEffect, ValuesEffect
from derive.model.frames import Volumes
from derive.model.volume import Quantity
from derive.operations.declaration import operation_along
from derive.operations.kit.fitting import Fit, Method, Values, decay_rates, flip_angle_times, recovery_times
from derive.operations.kit.maps import (
    ENOUGH,
    METHOD,
    MapWanted,
    Result,
    both,
    checked_floor,
    curve_of,
    fitting_method,
    has_dimension,
    of_result,
    short_of,
    up_to,
    words_of,
)
from derive.operations.kit.parameters import Numbers
from derive.operations.kit.samples import Sampling, fitted, samples_of
from derive.told.wording import flag

ECHO, INVERSION, ANGLE = "EchoTime", "InversionTime", "FlipAngle"
_T1, _T2 = Code("113063", "DCM", "T1", ""), Code("113065", "DCM", "T2", "")
_T2_STAR = Code("113064", "DCM", "T2*", "")
_BY_INVERSION = Code("126351", "DCM", "T1 by Inversion Recovery", "")
_BY_ANGLES = Code("126350", "DCM", "T1 by Multiple Flip Angles", "")
#: Longer times than these are not told by the samples that anybody takes, ms.
_LONGEST_T1, _LONGEST_T2, _LONGEST_T2_STAR = 6000.0, 3000.0, 500.0
_ECHOES = """
Where fewer than two signals count, or no time up to `longest_ms` follows, there is pixel padding.

Parameters
----------
volumes : Volumes
echoes_ms : numbers, optional
    Which echo times enter, ms: 20,40,60; all without.
fit : {"log-linear", "non-linear"}
    By a line through the logarithms, or through the signals themselves (Levenberg-Marquardt).
noise_floor : float, optional
    Signals at or below it do not count, of any echo; without it those at or below 0.
longest_ms : float
    The longest time that is told.
result : {"map", "r2"}
    What is made: the time, or the coefficient of determination (R2) of the fit.
with_r2 : bool
    Make both, as two series.

Raises
------
UsageError
    ``OP-SAMPLES`` for a series of one echo; of two, where R2 is wanted. ``OP-NOISE``, ``OP-LIMIT``.
ValuesError
    ``VAL-PHASE`` for phases.
"""
F = TypeVar("F", bound=Callable[..., Volumes])


class _Limited(NamedTuple):
    """How echoes are fitted, and which signals and times count."""

    fit: Method
    noise_floor: float | None
    longest_ms: float


def _of_several_echoes(function: F) -> F:
    function.__doc__ = f"{inspect.getdoc(function) or ''}\n{_ECHOES}"
    return function


@operation_along(
    "DCM:113065",
    GeometryEffect.KEEPS_GRID,
    ValuesEffect.NEW_QUANTITY,
    words=words_of("T2 MAP", "QUANTITY"),
    in_planes=lambda _: True,
    mixes=lambda _: True,
    example={"noise_floor": 20},
    short=short_of("T2"),
    suits=has_dimension(ECHO),
    beside=both,
)
@_of_several_echoes
def t2_map(
    volumes: Volumes,
    *,
    echoes_ms: Numbers | None = None,
    fit: Method = "log-linear",
    noise_floor: float | None = None,
    longest_ms: float = _LONGEST_T2,
    result: Result = "map",
    with_r2: bool = False,
) -> Volumes:
    """Compute the transverse relaxation time T2 of spin echoes, in ms."""
    quantity = Quantity("ms", concept=_T2, label="T2")
    limited = _Limited(fit, noise_floor, longest_ms)
    return _of_echoes(volumes, echoes_ms, limited, quantity, MapWanted(result, with_r2))


@operation_along(
    "DCM:113064",
    GeometryEffect.KEEPS_GRID,
    ValuesEffect.NEW_QUANTITY,
    words=words_of("T2_STAR MAP", "QUANTITY"),
    in_planes=lambda _: True,
    mixes=lambda _: True,
    example={"fit": "non-linear"},
    short=short_of("T2*"),
    suits=has_dimension(ECHO),
    beside=both,
)
@_of_several_echoes
def t2star_map(
    volumes: Volumes,
    *,
    echoes_ms: Numbers | None = None,
    fit: Method = "log-linear",
    noise_floor: float | None = None,
    longest_ms: float = _LONGEST_T2_STAR,
    result: Result = "map",
    with_r2: bool = False,
) -> Volumes:
    """Compute the effective transverse relaxation time T2* of gradient echoes, in ms."""
    quantity = Quantity("ms", concept=_T2_STAR, label="T2*")
    limited = _Limited(fit, noise_floor, longest_ms)
    return _of_echoes(volumes, echoes_ms, limited, quantity, MapWanted(result, with_r2))


def _of_echoes(
    volumes: Volumes, echoes_ms: Numbers | None, limited: _Limited, quantity: Quantity, wanted: MapWanted
) -> Volumes:
    what = "R2 of a curve" if wanted.rated else "an exponential decay"
    sampling = Sampling(ECHO, ENOUGH if wanted.rated else 2, (), echoes_ms, "echoes_ms", what)
    at = samples_of(volumes, sampling)[0].at
    named = of_result(quantity, (fitting_method(limited.fit, len(at)),), wanted.result)
    curve = curve_of(partial(_decay_time, limited.fit), wanted.result)
    if wanted.result == "map":
        curve = up_to(limited.longest_ms, "longest_ms", curve)
    return fitted(volumes, sampling, curve, named, checked_floor(limited.noise_floor))


def _decay_time(method: Method, signals: Values, at: Sequence[float]) -> Fit:
    found = decay_rates(signals, at, method)
    with np.errstate(divide="ignore"):
        return found._replace(value=1 / found.value)


#: By what T1 is told, the dimension that it needs, and how many samples of it: for each model.
_MODELS = {
    "inversion-recovery": (INVERSION, 3),
    "variable-flip-angle": (ANGLE, 2),
    "signed-inversion-recovery": (INVERSION, 3),
}
Model = Literal["inversion-recovery", "variable-flip-angle", "signed-inversion-recovery"]


def _settled(volumes: Volumes, said: Mapping[str, Any]) -> dict[str, Any]:
    """Say by what T1 is told, and the repetition time that the source says."""
    model = said["model"] or _model_of(volumes)
    found: dict[str, Any] = {"model": model} if model else {}
    if model == "variable-flip-angle" and said["tr_ms"] is None and volumes.source is not None:
        value = volumes.source.value("RepetitionTime")
        if isinstance(value, int | float) and value > 0:
            found["tr_ms"] = float(value)
    return found


def _model_of(volumes: Volumes) -> Model | None:
    there = {d.keyword for d in volumes.dimensions}
    if {INVERSION, ANGLE} <= there or not {INVERSION, ANGLE} & there:
        return None
    return "inversion-recovery" if INVERSION in there else "variable-flip-angle"


@operation_along(
    "DCM:113063",
    GeometryEffect.KEEPS_GRID,
    ValuesEffect.NEW_QUANTITY,
    words=words_of("T1 MAP", "QUANTITY"),
    in_planes=lambda _: True,
    mixes=lambda _: True,
    example={"model": "inversion-recovery"},
    short=short_of("T1"),
    suits=has_dimension(INVERSION, ANGLE),
    beside=both,
    settles=_settled,
)
def t1_map(
    volumes: Volumes,
    *,
    model: Model | None = None,
    at: Numbers | None = None,
    tr_ms: float | None = None,
    noise_floor: float | None = None,
    longest_ms: float = _LONGEST_T1,
    result: Result = "map",
    with_r2: bool = False,
) -> Volumes:
    """Compute the longitudinal relaxation time T1, in ms, by inversion recovery or variable flip angles.

    Inversion recovery is fitted with three unknowns (a + b exp(-TI/T1)), so that the inversion need not be perfect;
    spoiled gradient echoes of several flip angles by a line (S/sin over S/tan). Where too few signals count, or no time
    up to `longest_ms` follows, there is pixel padding.

    Parameters
    ----------
    volumes : Volumes
    model : {"inversion-recovery", "variable-flip-angle", "signed-inversion-recovery"}, optional
        By what T1 is told, of signals with or without their sign; not needed where images differ in Inversion Time, and
        lost their sign, or in Flip Angle alone. It is recorded.
    at : numbers, optional
        Which inversion times (ms) or flip angles (degrees) enter; all without.
    tr_ms : float, optional
        Repetition time of variable flip angles; that of the source without. It is recorded.
    noise_floor : float, optional
        Signals at or below it do not count; those of an inversion recovery count at 0 too.
    longest_ms : float
        The longest time that is told.
    result : {"map", "r2"}
        What is made: the time, or the coefficient of determination (R2) of the fit.
    with_r2 : bool
        Make both, as two series.

    Raises
    ------
    UsageError
        ``OP-SAMPLES`` for fewer than three inversion times, or two flip angles; one more where R2 is wanted.
        ``OP-MODEL`` where nothing tells the model; ``OP-TR`` where nobody says the repetition time of flip angles, or
        images differ in it; ``OP-NOISE``, ``OP-LIMIT``.
    ValuesError
        ``VAL-PHASE`` for phases.
    """
    chosen = model or _model_of(volumes)
    if chosen is None:
        there = ", ".join(d.keyword for d in volumes.dimensions) or "nothing: the series is one volume"
        raise UsageError(
            "OP-MODEL",
            f"T1 is told by {INVERSION} or by {ANGLE}, and what tells the volumes apart is "
            f"{there}; where it is both, say {flag('model', '|'.join(_MODELS))}",
        )
    wanted, (keyword, least) = MapWanted(result, with_r2), _MODELS[chosen]
    sampling = Sampling(keyword, least + wanted.rated, (), at, "at", f"T1 by {chosen}")
    method = (METHOD, _BY_ANGLES if keyword == ANGLE else _BY_INVERSION)
    quantity = of_result(Quantity("ms", concept=_T1, label="T1"), (method,), result)
    floor = checked_floor(noise_floor)
    if keyword == INVERSION:
        curve = curve_of(partial(recovery_times, magnitude=chosen == "inversion-recovery"), result)
        floor = floor if noise_floor else -np.inf
    else:
        curve = curve_of(partial(flip_angle_times, tr_ms=_repetition(volumes, tr_ms)), result)
    if result == "map":
        curve = up_to(longest_ms, "longest_ms", curve)
    return fitted(volumes, sampling, curve, quantity, floor)


def _repetition(volumes: Volumes, tr_ms: float | None) -> float:
    found = (
        tr_ms if tr_ms is not None else _settled(volumes, {"model": "variable-flip-angle", "tr_ms": None}).get("tr_ms")
    )
    if found is None or not 0 < found < np.inf:
        raise UsageError(
            "OP-TR",
            "T1 of variable flip angles needs one Repetition Time (0018,0080) of all images, above 0, and they do not "
            f"say it: {flag('tr_ms', 'MS')}",
        )
    return float(found)
