"""Maps of what a curve says of every pixel, and of how well it fits: what their operations have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from codes import Code
from derive.errors import UsageError
from derive.model.volume import Definition, Quantity
from derive.operations.kit.details import Words
from derive.operations.kit.fitting import Fit, Method
from derive.operations.kit.samples import Curve
from derive.told.wording import flag

if TYPE_CHECKING:
    from derive.model.source import SourceSeries

#: What a result is of: the quantity, or how well the curve of each pixel fits.
Result = Literal["map", "r2"]
#: How a curve was fitted, by what, and how good it is (CID 9000, CID 7274, CID 7180).
METHOD = Code("370129005", "SCT", "Measurement Method", "")
_FITTING = Code("113241", "DCM", "Model fitting method", "")
_RATIO = Code("113260", "DCM", "Log of ratio of two samples", "")
_LEAST_SQUARES = Code("113261", "DCM", "Least squares fit of multiple samples", "")
_MARQUARDT = Code("113265", "DCM", "Levenberg-Marquardt", "")
_R2 = Code("126220", "DCM", "R2-Coefficient", "")
#: More samples than pass through any curve of two unknowns, without which R2 says nothing.
ENOUGH = 3


class MapWanted(NamedTuple):
    """What somebody wants of a curve.

    Parameters
    ----------
    result : {"map", "r2"}
    with_r2 : bool
        Whether the other one is wanted too.
    """

    result: Result = "map"
    with_r2: bool = False

    @property
    def rated(self) -> bool:
        """Whether it has to be known how well a curve fits."""
        return self.with_r2 or self.result == "r2"


def fitting_method(method: Method, samples: int) -> tuple[Code, Code]:
    """Return by what a curve was fitted."""
    if method == "non-linear":
        return _FITTING, _MARQUARDT
    return _FITTING, _RATIO if samples == 2 else _LEAST_SQUARES


def of_result(quantity: Quantity, definition: Definition, result: Result) -> Quantity:
    """Return what a result is: the quantity, or R2 of the curve that gave it."""
    if result == "map":
        return replace(quantity, definition=definition)
    return Quantity("1", concept=_R2, definition=definition, label="R2")


def curve_of(fit: Callable[[NDArray[np.float64], Sequence[float]], Fit], result: Result) -> Curve:
    """Return what is computed of the samples of each pixel."""

    def curve(signals: NDArray[np.float64], at: tuple[float, ...]) -> NDArray[np.float64]:
        found = fit(signals, at)
        return found.value if result == "map" else found.r2

    return curve


def both(parameters: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    """Return the parameters of each series that is made: the map, and R2 where it is wanted too; else nothing."""
    if not parameters["with_r2"]:
        return ()
    return {**parameters, "with_r2": False}, {**parameters, "with_r2": False, "result": "r2"}


def words_of(image_type: str, frame_type: str) -> Words:
    """Return what the terms of a map are; R2 has none but its own."""

    def words(parameters: Mapping[str, Any]) -> tuple[str, Mapping[str, str]]:
        if parameters["result"] == "r2":
            return "", {"ImageType": "R2", "FrameType": "QUANTITY"}
        return "", {"ImageType": image_type, "FrameType": frame_type}

    return words


def short_of(name: str) -> Callable[[Mapping[str, Any]], str]:
    """Return what says in a few words which map it is."""
    return lambda parameters: name if parameters["result"] == "map" else f"R2 of {name}"


def has_dimension(*keywords: str) -> Callable[[SourceSeries], bool]:
    """Return what tells whether the volumes of a series differ in any of these."""
    return lambda source: any(d.keyword in keywords for d in source.dimensions)


def checked_floor(noise_floor: float | None) -> float:
    """Return the signal at or below which nothing counts; 0 where nobody says one.

    Raises
    ------
    UsageError
        ``OP-NOISE`` for one that is below 0, or no number.
    """
    if noise_floor is None:
        return 0.0
    if not 0 <= noise_floor < np.inf:
        raise UsageError("OP-NOISE", f"{flag('noise_floor', 'N')} {noise_floor:g}; wanted a signal, 0 or more")
    return float(noise_floor)


def up_to(limit: float, name: str, curve: Curve) -> Curve:
    """Return a curve without values that are not above 0, or above a limit: no sample tells these.

    Raises
    ------
    UsageError
        ``OP-LIMIT`` unless the limit is above 0.
    """
    if not 0 < limit < np.inf:
        raise UsageError("OP-LIMIT", f"{flag(name, 'MS')} {limit:g}; wanted a time above 0")

    def limited(signals: NDArray[np.float64], at: tuple[float, ...]) -> NDArray[np.float64]:
        found = curve(signals, at)
        with np.errstate(invalid="ignore"):
            return np.where((found > 0) & (found <= limit), found, np.nan)

    return limited
