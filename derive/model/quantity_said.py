"""What an item of a Real World Value Mapping says of the quantity: unit, name and definition (C.7.6.16.2.11)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pydicom.dataset import Dataset

from codes import Code
from derive.model.volume import Number, Quantity

#: Name of what a quantity is.
_QUANTITY = ("246205007", "SCT")


def quantity_in(item: Dataset, quantity: Quantity) -> Quantity:
    """Return a quantity with what an item says of it; what is no name and value is left out."""
    pairs = [pair for part in item.get("QuantityDefinitionSequence") or () if (pair := _pair(part)) is not None]
    concept = next((v for name, v in pairs if (name.value, name.scheme) == _QUANTITY and isinstance(v, Code)), None)
    if concept is None:
        return quantity
    definition = tuple((name, value) for name, value in pairs if (name.value, name.scheme) != _QUANTITY)
    return replace(quantity, concept=concept, definition=definition, label=str(item.get("LUTLabel") or ""))


def units_in(item: Dataset) -> str:
    """Return the code of the units; empty where the item has none."""
    code = _code(item, "MeasurementUnitsCodeSequence")
    return code.value if code is not None else ""


def _pair(part: Dataset) -> tuple[Code, Code | Number] | None:
    name, code = _code(part, "ConceptNameCodeSequence"), _code(part, "ConceptCodeSequence")
    if name is None:
        return None
    if code is not None:
        return name, code
    units, number = _code(part, "MeasurementUnitsCodeSequence"), part.get("NumericValue")
    if units is None or not isinstance(number, int | float):
        return None
    return name, Number(float(number), units.value)


def _code(item: Dataset, keyword: str) -> Code | None:
    found: Any = (item.get(keyword) or (None,))[0]
    if not isinstance(found, Dataset):
        return None
    value = found.get("CodeValue") or found.get("LongCodeValue")
    scheme, meaning = found.get("CodingSchemeDesignator"), found.get("CodeMeaning")
    return Code(str(value), str(scheme), str(meaning), "") if value and scheme and meaning else None
