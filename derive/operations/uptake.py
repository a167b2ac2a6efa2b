"""Standardized uptake values of a PET (PS3.3 C.8.9.1, PS3.16 CID 85; the vendor-neutral computation of QIBA)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from codes import Code
from derive.errors import UsageError
from derive.model.derivation import GeometryEffect, ValuesEffect
from derive.model.frames import Volumes
from derive.model.volume import Array, Quantity, SliceBySlice, Volume
from derive.operations.declaration import operation_along
from derive.operations.kit.maps import METHOD
from derive.told.wording import flag

if TYPE_CHECKING:
    from derive.model.source import SourceSeries

SuvType = Literal["bw", "lbm", "lbm-james128", "lbm-janma", "bsa", "ibw"]
#: Who weighs more, or is taller, was measured in another unit.
_HEAVIEST_KG, _TALLEST_M = 500.0, 2.8


@dataclass(frozen=True)
class Measures:
    """What of a patient an uptake is normalised to.

    Parameters
    ----------
    source : SourceSeries
        Which says it; nobody asks for what a normalisation does not need.
    """

    source: SourceSeries

    @property
    def weight_kg(self) -> float:
        """Patient's Weight (0010,1030)."""
        return self._number("PatientWeight", "Patient's Weight (0010,1030)", "70", _HEAVIEST_KG, "kg")

    @property
    def height_cm(self) -> float:
        """Patient's Size (0010,1020), in cm."""
        return 100 * self._number("PatientSize", "Patient's Size (0010,1020)", "1.75", _TALLEST_M, "m")

    @property
    def male(self) -> bool:
        """Patient's Sex (0010,0040), of which the formulas know two."""
        sex = self.source.text("PatientSex")
        if sex not in ("M", "F"):
            raise _refused(
                "Patient's Sex (0010,0040) is not M or F, and the formula knows these two", "PatientSex", "'M'"
            )
        return sex == "M"

    def _number(self, keyword: str, name: str, example: str, most: float, units: str) -> float:
        value = self.source.value(keyword)
        number = float(value) if isinstance(value, int | float) else 0.0
        if number == 0:
            raise _refused(f"{name} is not said by all images alike", keyword, example)
        if not 0 < number <= most:
            raise UsageError("OP-SUV", f"{name} is beyond {most:g} {units}, in which it is said; it is in another unit")
        return number


def _refused(what: str, keyword: str, example: str) -> UsageError:
    given = flag("assume", f"{keyword}={example}")
    return UsageError("OP-SUV", f"{what}; who knows it can say it: {given}", keyword=keyword)


def _lean_james(patient: Measures, multiplier: float) -> float:
    weight, ratio = patient.weight_kg, patient.weight_kg / patient.height_cm
    return 1.10 * weight - multiplier * ratio**2 if patient.male else 1.07 * weight - 148 * ratio**2


def _lean_janma(patient: Measures) -> float:
    weight, index = patient.weight_kg, patient.weight_kg / (patient.height_cm / 100) ** 2
    return 9270 * weight / (6680 + 216 * index if patient.male else 8780 + 244 * index)


def _surface_cm2(patient: Measures) -> float:
    """Du Bois."""
    return float(patient.weight_kg**0.425 * patient.height_cm**0.725 * 0.007184 * 1e4)


def _ideal(patient: Measures) -> float:
    over = patient.height_cm - 152
    return 48.0 + 1.06 * over if patient.male else 45.5 + 0.91 * over


@dataclass(frozen=True)
class Normalisation:
    """One type of SUV.

    Parameters
    ----------
    term : str
        SUV Type (0054,1006).
    units : str
        Units (0054,1001).
    unit : str
        In UCUM (CID 85).
    concept, method : Code
        What it is, and how it is computed.
    norm : callable (patient) -> float
        What the dose is divided by: grams, or square centimetres.
    """

    term: str
    units: str
    unit: str
    concept: Code
    method: Code
    norm: Callable[[Measures], float]


def _kilograms(mass: Callable[[Measures], float]) -> Callable[[Measures], float]:
    return lambda patient: 1000 * mass(patient)


def _dcm(value: str, meaning: str) -> Code:
    return Code(value, "DCM", meaning, "")


_TYPES: Mapping[str, Normalisation] = {
    "bw": Normalisation(
        "BW",
        "GML",
        "g/ml{SUVbw}",
        _dcm("126401", "SUVbw"),
        _dcm("126410", "SUV body weight calculation method"),
        _kilograms(lambda p: p.weight_kg),
    ),
    "lbm": Normalisation(
        "LBM",
        "GML",
        "g/ml{SUVlbm}",
        _dcm("126402", "SUVlbm"),
        _dcm("126411", "SUV lean body mass calculation method"),
        _kilograms(lambda p: _lean_james(p, 120)),
    ),
    "lbm-james128": Normalisation(
        "LBMJAMES128",
        "GML",
        "g/ml{SUVlbm(James128)}",
        _dcm("126406", "SUVlbm(James128)"),
        _dcm("126415", "SUV lean body mass calculation method using 128 multiplier"),
        _kilograms(lambda p: _lean_james(p, 128)),
    ),
    "lbm-janma": Normalisation(
        "LBMJANMA",
        "GML",
        "g/ml{SUVlbm(Janma)}",
        _dcm("126405", "SUVlbm(Janma)"),
        _dcm("126414", "SUV lean body mass calculation Janmahasatian method"),
        _kilograms(_lean_janma),
    ),
    "bsa": Normalisation(
        "BSA",
        "CM2ML",
        "cm2/ml{SUVbsa}",
        _dcm("126403", "SUVbsa"),
        _dcm("126412", "SUV body surface area calculation method"),
        _surface_cm2,
    ),
    "ibw": Normalisation(
        "IBW",
        "GML",
        "g/ml{SUVibw}",
        _dcm("126404", "SUVibw"),
        _dcm("126413", "SUV ideal body weight calculation method"),
        _kilograms(_ideal),
    ),
}


def _words(parameters: Mapping[str, Any]) -> tuple[str, Mapping[str, str]]:
    return "", {"SUVType": _TYPES[parameters["type"]].term}


# 2026-12-01: what a series says of units and doses is read by pydicom, which takes longer to import than help and a
# usage error may take, so that it is imported when a series is there to be asked.


def _suits(source: SourceSeries) -> bool:
    from derive.operations.kit.doses import has_units

    return has_units(source)


@operation_along(
    "PixelByPixelMultiplication",
    GeometryEffect.KEEPS_GRID,
    ValuesEffect.NEW_QUANTITY,
    words=_words,
    takes_tilt=True,
    takes_uneven=True,
    example={"type": "bw"},
    short=lambda parameters: f"SUV {parameters['type']}",
    suits=_suits,
)
def suv(volumes: Volumes, *, type: SuvType = "bw") -> Volumes:
    """Compute standardized uptake values (SUV) of a PET.

    Bq/ml are divided by the dose that is left at the moment to which they are decay corrected (Decay Correction START:
    the begin of the acquisition; ADMIN: the injection), and multiplied by what the type says: weight, lean body mass
    (James with 120, or 128, for men; Janmahasatian), ideal body weight, or body surface (Du Bois). Counts of Philips
    become SUV by the factors that its images state; values that are SUV of another type are normalised anew.

    Parameters
    ----------
    volumes : Volumes
    type : {"bw", "lbm", "lbm-james128", "lbm-janma", "bsa", "ibw"}
        To what uptake is normalised.

    Raises
    ------
    UsageError
        ``OP-SUV`` for units of which no SUV follows, values that are not corrected for attenuation or decay, and what
        of the patient is not said; ``OP-SOURCE`` for a volume without a series.
    SourceError
        ``SRC-DECAY`` where the source does not say what was injected when, or to when its values are corrected.
    """
    from derive.operations.kit.doses import series_of

    wanted = _TYPES[type]
    factor = np.float64(_factor(series_of(volumes), volumes.quantity.units, wanted))
    quantity = replace(
        volumes.quantity.unnamed(wanted.units),
        fill=0.0,
        concept=wanted.concept,
        definition=((METHOD, wanted.method),),
        label=wanted.concept.meaning,
        unit=wanted.unit,
        made_by="",
    )
    return replace(volumes, volumes=tuple(_times(volume, factor, quantity) for volume in volumes.volumes))


def _times(volume: Volume, factor: np.float64, quantity: Quantity) -> Volume:
    span = volume.value_range
    return replace(
        volume,
        pull=SliceBySlice(lambda first, last: _product(volume.slab(first, last), factor)),
        quantity=replace(quantity, padded=volume.quantity.padded, step=None),
        value_range=None if span is None else (span[0] * float(factor), span[1] * float(factor)),
    )


def _product(values: Array, factor: np.float64) -> Array:
    return (values * factor).astype(np.float32)


def _factor(source: SourceSeries, units: str, wanted: Normalisation) -> float:
    """Return what makes SUV of the values."""
    from derive.operations.kit.doses import ACTIVITY_FACTOR, SUV_FACTOR, dose_bq, philips_number

    patient = Measures(source)
    has = {n.term: n for n in _TYPES.values() if n.units == units}
    if has:
        return _from_suv(source, units, wanted, has)
    if units == "BQML":
        return wanted.norm(patient) / dose_bq(source)
    if units == "CNTS":
        factor, activity = philips_number(source, SUV_FACTOR), philips_number(source, ACTIVITY_FACTOR)
        if factor is not None:
            body = _TYPES["bw"]
            return factor if wanted is body else factor * wanted.norm(patient) / body.norm(patient)
        if activity is not None:
            return activity * wanted.norm(patient) / dose_bq(source)
        raise UsageError(
            "OP-SUV",
            "values are counts, and the images state no factor of Philips (7053,xx00 or 7053,xx09) that makes Bq/ml of "
            "them; nothing else does",
        )
    raise UsageError("OP-SUV", "an SUV follows from Units (0054,1001) BQML, GML, CM2ML and from CNTS of Philips alone")


def _from_suv(source: SourceSeries, units: str, wanted: Normalisation, has: Mapping[str, Normalisation]) -> float:
    """Return what makes SUV of one type of those of another; of values in GML of which no type is said it is BW."""
    from derive.operations.kit.doses import legal_text

    own = has.get(legal_text(source, "SUVType", next(iter(has))))
    if own is None:
        raise UsageError("OP-SUV", f"SUV Type (0054,1006) is none of {', '.join(has)}, which are in {units}")
    return 1.0 if own is wanted else wanted.norm(Measures(source)) / own.norm(Measures(source))
