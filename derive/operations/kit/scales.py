"""Units of what becomes of values on a scale whose 0 is agreed upon."""

from __future__ import annotations

from collections.abc import Iterable

from derive.model.volume import Quantity

#: Units whose 0 is agreed upon: a sum of values on such a scale is on no scale that has a name (2026-12-01), and
#: nor is a difference, though both are numbers of the same steps.
ON_A_SCALE = frozenset({"HU", "HU_MOD"})
#: What Rescale Type says of values on none (PS3.3 C.11.1.1.2).
ON_NO_SCALE = "US"
#: The UCUM code of a number of nothing.
UNITLESS = "1"


def on_no_scale(quantity: Quantity, others: Iterable[Quantity] = ()) -> Quantity:
    """Return what a sum or a difference of values is: nothing of them is outside of the measured field.

    It has the step of the values where all have the same.
    """
    units = ON_NO_SCALE if quantity.units in ON_A_SCALE else quantity.units
    step = quantity.step if all(other.step == quantity.step for other in others) else None
    return Quantity(units, padded=quantity.padded, step=step)
