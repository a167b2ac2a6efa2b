"""The apparent diffusion coefficient of a diffusion-weighted series."""

from __future__ import annotations

from functools import partial
from typing import Literal

import numpy as np

from codes import Code
from derive.errors import UsageError
from derive.model.derivation import GeometryEffect, ValuesEffect
from derive.model.frames import Volumes
from derive.model.volume import Definition, Number, Quantity
from derive.operations.declaration import operation_along
from derive.operations.kit.fitting import Fit, Method, Values, decay_rates
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
    words_of,
)
from derive.operations.kit.parameters import Numbers
from derive.operations.kit.samples import Sampling, fitted, samples_of
from derive.told.wording import flag

B, DIRECTION = "DiffusionBValue", "DiffusionGradientOrientation"
#: What an ADC in mm2/s is multiplied with, and in steps of what it is stored where a class has no rescale.
UNITS = {"um2/s": (1e6, 1.0), "mm2/s": (1.0, 1e-6)}
#: Less is none.
_LEAST_MM2_S = 1e-6
_ADC = Code("113041", "DCM", "Apparent Diffusion Coefficient", "")
_B_USED = Code("113240", "DCM", "Source image diffusion b-value", "")
_MODEL = Code("113250", "DCM", "Mono-exponential diffusion model", "")


@operation_along(
    "DiffusionImageAnalysis",
    GeometryEffect.KEEPS_GRID,
    ValuesEffect.NEW_QUANTITY,
    words=words_of("DIFFUSION MAP\\ADC", "ADC"),
    in_planes=lambda _: True,
    mixes=lambda _: True,
    example={"b": (0.0, 1000.0)},
    short=short_of("ADC"),
    suits=has_dimension(B),
    beside=both,
)
def adc(
    volumes: Volumes,
    *,
    b: Numbers | None = None,
    fit: Method = "log-linear",
    noise_floor: float | None = None,
    scale: Literal["um2/s", "mm2/s"] = "um2/s",
    result: Result = "map",
    with_r2: bool = False,
) -> Volumes:
    """Compute the apparent diffusion coefficient (ADC).

    The images of the directions of a b-value are averaged first (geometric mean, which is the trace), then a
    mono-exponential decay is fitted through the b-values. Where fewer than two signals count, or signals do not fall
    with b, which is noise (less than 1 um2/s), there is no ADC, but pixel padding.

    Parameters
    ----------
    volumes : Volumes
    b : numbers, optional
        Which b-values enter, s/mm2: 0,1000; all without.
    fit : {"log-linear", "non-linear"}
        By a line through the logarithms, or through the signals themselves (Levenberg-Marquardt).
    noise_floor : float, optional
        Signals at or below it do not count, of any b-value; without it those at or below 0.
    scale : {"um2/s", "mm2/s"}
        Units: um2/s is 1e-6 mm2/s, the numbers that people know.
    result : {"map", "r2"}
        What is made: the coefficient, or the coefficient of determination (R2) of the fit.
    with_r2 : bool
        Make both, as two series.

    Raises
    ------
    UsageError
        ``OP-SAMPLES`` for a series without b-values, or with one; with two, where R2 is wanted. ``OP-B-VALUE``,
        ``OP-NOISE``.
    ValuesError
        ``VAL-PHASE`` for phases.
    """
    if b is not None and (len(set(b)) < 2 or min(b) < 0):
        raise UsageError("OP-B-VALUE", f"{flag('b', 'N,N')}: wanted two b-values or more, none below 0")
    rated = MapWanted(result, with_r2).rated
    sampling = Sampling(
        B, ENOUGH if rated else 2, (DIRECTION,), b, "b", "R2 of a curve" if rated else "an exponential decay"
    )
    at = samples_of(volumes, sampling)[0].at
    factor, step = UNITS[scale]
    definition: Definition = (
        (METHOD, _MODEL),
        fitting_method(fit, len(at)),
        *((_B_USED, Number(value, "s/mm2")) for value in at),
    )
    quantity = of_result(Quantity(scale, concept=_ADC, label="ADC", stored_step=step), definition, result)
    return fitted(
        volumes, sampling, curve_of(partial(_coefficient, fit, factor), result), quantity, checked_floor(noise_floor)
    )


def _coefficient(method: Method, factor: float, signals: Values, at: tuple[float, ...]) -> Fit:
    found = decay_rates(signals, at, method)
    with np.errstate(invalid="ignore"):
        return found._replace(value=np.where(found.value >= _LEAST_MM2_S, found.value * factor, np.nan))
