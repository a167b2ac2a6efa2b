"""Real World Value Mapping: the units of stored values (PS3.3 C.7.6.16.2.11), and what Rescale Type says of them."""

from __future__ import annotations

from typing import Any

import numpy as np

import codes
from codes import Code
from derive import standard
from derive.authoring.entities.registry import per_frame, per_series
from derive.authoring.entities.values import coded
from derive.authoring.order import Authoring, Frame
from derive.elements.element import Element, tag_of
from derive.elements.encoding import encode, pack_item
from derive.model.derivation import ValuesEffect
from derive.model.mapping import OWN_LABEL, HeldValues, Line, line_of_values
from derive.model.remark import Remark
from derive.model.volume import Number, Quantity
from derive.pixels.encode import Rescale

#: Measurement units of the defined terms of Rescale Type (C.11.1.1.2) and of PET Units (C.8.9.1.1.3).
_OF_TERM = {
    "HU": "[hnsf'U]",
    "HU_MOD": "[hnsf'U]",
    "MGML": "mg/ml",
    "PCT": "%",
    "ED": "10*23/ml",
    "EDW": "1",
    "Z_EFF": "1",
    "CNTS": "{counts}",
    "NONE": "1",
    "CM2": "cm2",
    "CM2ML": "cm2/ml",
    "PCNT": "%",
    "CPS": "{counts}/s",
    "BQML": "Bq/ml",
    "MGMINML": "mg/min/ml",
    "UMOLMINML": "umol/min/ml",
    "MLMING": "ml/min/g",
    "MLG": "ml/g",
    "1CM": "/cm",
    "UMOLML": "umol/ml",
    "PROPCNTS": "{propcounts}",
    "PROPCPS": "{propcounts}/s",
    "MLMINML": "ml/min/ml",
    "MLML": "ml/ml",
    "GML": "g/ml",
    "STDDEV": "{s.d.}",
}
#: The term that is said for a unit.
_OF_UNIT = {"[hnsf'U]": "HU", "mg/ml": "MGML", "mg/mL": "MGML", "mg/cm3": "MGML", "%": "PCT", "10*23/ml": "ED"}
#: Concept name of a Quantity Definition (C.7.6.16.2.11).
_QUANTITY = Code("246205007", "SCT", "Quantity", "")
_SEQUENCE = "RealWorldValueMappingSequence"
#: VR SH of Code Value; VR LO of LUT Explanation.
_LONGEST_CODE, _LONGEST_EXPLANATION = 16, 64


@per_series("RescaleType", module="ct-image")
def rescale_type(authoring: Authoring) -> str | None:
    """Return the source's while the quantity is kept, what a class means that says none; else what the new one is in.

    That is HU of CT, and of others US (unspecified), as of units that are no defined term (C.11.1.1.2) nor what one of
    them means.
    """
    if authoring.derivation.values_effect is ValuesEffect.NEW_QUANTITY:
        terms = [v for rule in standard.values(authoring.target.iod.name, "RescaleType") for v in rule.values]
        said = _OF_UNIT.get(authoring.derivation.units, authoring.derivation.units)
        return said if said in terms else "US"
    of_nothing = authoring.target.units if authoring.target.units_keyword == "RescaleType" else "US"
    return authoring.source.text("RescaleType") or of_nothing


def scale_of(authoring: Authoring, frame: Frame, keyword: str) -> float | str | None:
    """Return an attribute of the rescale of a Modality LUT (C.11.1); its type says the units of values of any class."""
    encoding = frame.encoded.encoding
    said: dict[str, float | str] = {"RescaleSlope": encoding.slope, "RescaleIntercept": encoding.intercept}
    units = authoring.frames.quantity.units
    said["RescaleType"] = _OF_UNIT.get(units, units) if units != "1" and len(units) <= _LONGEST_CODE else "US"
    return said.get(keyword)


@per_frame(_SEQUENCE)
def real_world_value_mapping_sequence(authoring: Authoring, frame: Frame) -> list[bytes] | None:
    """Return what the source maps its values to, for the new stored values; and the units of a new quantity.

    Where a class has no rescale (MR), and stored values are not the values, an item says what they are; and where it
    has no other place for units (multi-frame PET). Single-frame PET says its units in an attribute of its own; what the
    quantity is, none but a mapping can say.
    """
    rescale = authoring.target.rescale
    if rescale is Rescale.NONE:
        return None
    encoding = frame.encoded.encoding
    line = Line(encoding.slope, encoding.intercept)
    stored = HeldValues(line, encoding.bounds, (frame.encoded.smallest, frame.encoded.largest))
    mapped = authoring.mappings[frame.index] if authoring.mappings and not authoring.target.named else ()
    items = [mapping.rebased(stored) for mapping in mapped]
    only_place = authoring.target.iod.attributes[_SEQUENCE].type == "1" and not items
    differs = rescale.mapped and line_of_values(items) != line
    if _unit_is_new(authoring) or only_place or differs:
        items.append(_own(authoring, stored, alone=not items))
    return [pack_item(item) for item in items] or None


def unmapped(authoring: Authoring) -> tuple[Remark, ...]:
    """Say that what the source maps its values to is lost, though the quantity is kept."""
    said = tag_of(_SEQUENCE) in authoring.source.tags
    if not said or authoring.mappings or not authoring.same_kind or authoring.target.rescale is Rescale.NONE:
        return ()
    why = "the images behind a result do not agree" if any(authoring.source.mappings) else "no item is legal"
    return (Remark("SRC-MAPPING", _SEQUENCE, f"{why}, so that nothing says what the values of the result mean"),)


def _unit_is_new(authoring: Authoring) -> bool:
    """Whether somebody said the units of a new quantity, or of one that no image is behind, and no attribute does."""
    target, units = authoring.target, authoring.derivation.units
    if not units or authoring.quantity.concept is not None:
        return bool(units)
    if target.rescale in (Rescale.INSTANCE, Rescale.SLOPE):
        return False
    if authoring.derivation.values_effect is ValuesEffect.NEW_QUANTITY:
        return not target.units_keyword or units != target.unspecified
    return not authoring.source.frames and (not target.units_keyword or units not in (target.unspecified, target.units))


def _own(authoring: Authoring, stored: HeldValues, *, alone: bool) -> list[Element]:
    """Return an item of what the values are; beside others its label says which it is, and alone what it is of."""
    quantity = authoring.quantity
    item: dict[str, Any] = {
        "LUTExplanation": _explained(quantity) or "Stored values to real-world values",
        "LUTLabel": (quantity.label if alone else "") or OWN_LABEL,
        "MeasurementUnitsCodeSequence": [_coded_units(quantity.unit or authoring.derivation.units or quantity.units)],
        **_mapped(authoring, stored),
        "RealWorldValueIntercept": stored.rescale.intercept,
        "RealWorldValueSlope": stored.rescale.slope,
    }
    if quantity.concept is not None:
        defined = ((_QUANTITY, quantity.concept), *quantity.definition)
        item["QuantityDefinitionSequence"] = [_content_item(name, value) for name, value in defined]
    return [encode(k, v, authoring.encodings, stored.bounds[0] < 0) for k, v in item.items()]


def _mapped(authoring: Authoring, stored: HeldValues) -> dict[str, float]:
    """Return from which stored value to which the mapping is: all that there can be."""
    names = ("RealWorldValueFirstValueMapped", "RealWorldValueLastValueMapped")
    if not authoring.pixel_format.floating:
        return dict(zip(names, stored.bounds, strict=True))
    most = float(np.finfo(f"f{authoring.pixel_format.bits // 8}").max)
    return {f"DoubleFloat{name}": end for name, end in zip(names, (-most, most), strict=True)}


def _explained(quantity: Quantity) -> str:
    """What the quantity is called, and in what it is; nothing of what has no name."""
    said = f"{quantity.concept.meaning}, {quantity.unit or quantity.units}" if quantity.concept else ""
    return said if len(said) <= _LONGEST_EXPLANATION else ""


def _content_item(name: Code, value: Code | Number) -> dict[str, Any]:
    """Return an item of a name and what it is (PS3.3 10.2, Content Item Macro)."""
    item: dict[str, Any] = {"ConceptNameCodeSequence": [coded(name)]}
    if isinstance(value, Number):
        units = [_coded_units(value.units)]
        return {"ValueType": "NUMERIC", **item, "NumericValue": value.value, "MeasurementUnitsCodeSequence": units}
    return {"ValueType": "CODE", **item, "ConceptCodeSequence": [coded(value)]}


def _coded_units(units: str) -> dict[str, Any]:
    """Return the item of a unit of UCUM, or of a defined term that means one."""
    unit = _OF_TERM.get(units, units)
    known = (c for cid in (83, 7181) for c in codes.context_group(cid).codes if c.scheme == "UCUM" and c.value == unit)
    meaning = next((c.meaning for c in known), unit)
    item = coded(Code(unit, "UCUM", meaning, ""))
    if len(unit) > _LONGEST_CODE:
        item["LongCodeValue"] = item.pop("CodeValue")
    return item
