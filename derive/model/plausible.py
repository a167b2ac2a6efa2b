"""Values that cannot be what they are said to be: a mask, or numbers from 0 to 1, is no measured quantity.

One rule for files whose numbers are said to be Hounsfield units and for what comes out of somebody's function (decided
2026-11-30): unsigned numbers cannot say the -1000 HU of air, and numbers from -1 to 1 are normalised ones or a mask.
Of no quantity that has a unit are booleans. Who knows better says so, by the units.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from derive import standard
from derive.errors import ValuesError
from derive.model.volume import Quantity
from derive.told.secrecy import shown_term
from derive.told.wording import flag

#: What lies within this is normalised, or a mask, where the quantity is one of which air is -1000.
NORMALISED = (-1.0, 1.0)


def is_normalised(low: float, high: float) -> bool:
    """Whether a range of values is that of normalised numbers or of a mask."""
    return NORMALISED[0] <= low and high <= NORMALISED[1]


def refuse_type(name: str, dtype: np.dtype[Any], quantity: Quantity) -> None:
    """Refuse what a function returned where its very type says that it is not the quantity that went in.

    Raises
    ------
    derive.errors.ValuesError
        ``VAL-MASK`` or ``VAL-UNSIGNED``.
    """
    if dtype.kind == "b" and quantity.units != "1":
        raise _refusal("VAL-MASK", name, "returned a mask (booleans)", quantity)
    if dtype.kind == "u" and _says_air(quantity):
        raise _refusal("VAL-UNSIGNED", name, f"returned unsigned numbers ({dtype})", quantity)


def refuse_normalised(quantity: Quantity, low: float, high: float) -> None:
    """Refuse the values of a result that a function made, of which nobody said what they are, by their range.

    Raises
    ------
    derive.errors.ValuesError
        ``VAL-HU``
    """
    if quantity.made_by and _says_air(quantity) and is_normalised(low, high):
        raise _refusal("VAL-HU", quantity.made_by, f"made values from {low:g} to {high:g}", quantity)


def _says_air(quantity: Quantity) -> bool:
    return quantity.fill < NORMALISED[0]


def _refusal(code: str, name: str, what: str, quantity: Quantity) -> ValuesError:
    units = shown_term(quantity.units, standard.known_terms())
    return ValuesError(
        code,
        f"{name} {what}: normalised numbers or a mask, and not the {units} of its source. Say what they are: "
        f"{flag('units', '1')} for numbers without a unit, {flag('units', units)} if they are that all the same. A "
        "mask belongs in a DICOM Segmentation",
    )
