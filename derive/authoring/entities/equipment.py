"""Equipment: the application that makes the series, and what it was made of (PS3.3 C.7.5.1, C.8.6.1, C.12.1.1.5)."""

from __future__ import annotations

import codes
from derive.authoring.entities.converted import converting_item
from derive.authoring.entities.registry import per_series
from derive.authoring.entities.values import coded, own_items
from derive.authoring.order import Authoring
from derive.elements.element import Element, tag_of
from derive.elements.encoding import decode, encode, pack_item
from derive.model.algorithm import Algorithm
from derive.model.source import Attributes
from derive.version import MANUFACTURER, MODEL, VERSION

#: What of General Equipment an item of Contributing Equipment Sequence may hold (C.12.1).
ITEM_KEYWORDS = (
    "Manufacturer",
    "InstitutionName",
    "InstitutionAddress",
    "StationName",
    "InstitutionalDepartmentName",
    "InstitutionalDepartmentTypeCodeSequence",
    "ManufacturerModelName",
    "DeviceSerialNumber",
    "DeviceUID",
    "UDISequence",
    "SoftwareVersions",
    "SpatialResolution",
    "DateOfLastCalibration",
    "TimeOfLastCalibration",
    "DateOfManufacture",
    "DateOfInstallation",
)


#: What equipment contributed (CID 7005).
ACQUIRED, PROCESSED = "AcquisitionEquipment", "ProcessingEquipment"
#: Who operated it, where it acquired; as item of the sequence they speak of that step, and not of this series.
OPERATORS = ("OperatorsName", "OperatorIdentificationSequence")
#: What says when it began, by what it did.
STAMPS = {
    ACQUIRED: (("AcquisitionDateTime",), ("AcquisitionDate", "AcquisitionTime")),
    PROCESSED: (("ContentDate", "ContentTime"),),
}


@per_series("Manufacturer")
def manufacturer(authoring: Authoring) -> str | None:
    """Return who makes this application; nothing of what was acquired: the scanner is not made up."""
    return MANUFACTURER if authoring.derivation.steps else None


@per_series("ManufacturerModelName")
def manufacturer_model_name(authoring: Authoring) -> str | None:
    """Return the name of this application; nothing of what was acquired: the scanner is not made up."""
    return MODEL if authoring.derivation.steps else None


@per_series("SoftwareVersions")
def software_versions(authoring: Authoring) -> str | None:
    """Return the version of this application; nothing of what was acquired: the scanner is not made up."""
    return VERSION if authoring.derivation.steps else None


@per_series("ContributingEquipmentSequence")
def contributing_equipment_sequence(authoring: Authoring) -> Element | None:
    """Return the source's own items, the source's equipment (109101 if it is ORIGINAL, else 109102), and algorithms.

    Manufacturer is type 1 in an item, so equipment without one is not listed. Where pixels pass as they are, their
    equipment is that of the instance still, and what gave them another form is added.
    """
    source = authoring.source
    tag = tag_of("ContributingEquipmentSequence")
    own = source.agreement(tag).element
    maker = source.agreement(tag_of("Manufacturer")).element
    items = own_items(authoring, own)
    if authoring.derivation.passes:
        return Element(tag, "SQ", items + converting_item(authoring))
    if maker and maker.stripped():
        purpose = _purpose(source.agreement(tag_of("ImageType")).element)
        keywords = (*ITEM_KEYWORDS, *(OPERATORS if purpose == ACQUIRED else ()))
        found = [source.agreement(tag_of(k)).element for k in keywords]
        item = [e for e in found if e and e.stripped()]
        code = encode("PurposeOfReferenceCodeSequence", [coded(codes.context_group(7005).find(purpose))])
        items += pack_item([*item, *_when(source, purpose), *_what(authoring, own, purpose), code])
    items += b"".join(pack_item(_item(algorithm, authoring)) for algorithm in authoring.derivation.algorithms)
    return Element(tag, "SQ", items) if items else None


def _when(source: Attributes, purpose: str) -> list[Element]:
    """Return when the source's equipment began: to acquire, or to make the pixels."""
    stamps: set[bytes] = set()
    for keywords in STAMPS[purpose]:
        columns = [source.table.column(tag_of(k)) for k in keywords]
        rows = {tuple(e.stripped() if e else b"" for e in row) for row in zip(*columns, strict=True)}
        stamps |= {b"".join(row) for row in rows if row[0]}
    return [encode("ContributionDateTime", min(stamps).decode("ascii"))] if stamps else []


def _what(authoring: Authoring, own: Element | None, purpose: str) -> list[Element]:
    """Return what it did, where it processed: what its Derivation Description says beyond that of its own sources."""
    text = authoring.source.text("DerivationDescription")
    if purpose == ACQUIRED or not text:
        return []
    items = (decode(own, authoring.encodings) if own else None) or ()
    before = "; ".join(str(i.ContributionDescription) for i in items if i.get("ContributionDescription"))
    return [encode("ContributionDescription", text.removeprefix(f"{before}; "), authoring.encodings)]


def _item(algorithm: Algorithm, authoring: Authoring) -> list[Element]:
    """Return the item of who computed a step of a user's own."""
    purpose = coded(codes.context_group(7005).find(PROCESSED))
    said = {
        "Manufacturer": algorithm.manufacturer,
        "ManufacturerModelName": algorithm.name,
        "SoftwareVersions": algorithm.version,
        "ContributionDescription": algorithm.digest,
    }
    elements = [encode(k, v, authoring.encodings) for k, v in said.items() if v]
    return [*elements, encode("PurposeOfReferenceCodeSequence", [purpose])]


def _purpose(image_type: Element | None) -> str:
    """Value 1 of Image Type tells whether the equipment acquired or processed (C.12.1.1.5)."""
    values = decode(image_type) if image_type else None
    first = values if isinstance(values, str) else (values or [""])[0]
    return PROCESSED if str(first).strip() == "DERIVED" else ACQUIRED


@per_series("SecondaryCaptureDeviceManufacturer")
def device_manufacturer(authoring: Authoring) -> str:
    """Return who makes this application."""
    return MANUFACTURER


@per_series("SecondaryCaptureDeviceManufacturerModelName")
def device_model(authoring: Authoring) -> str:
    """Return the name of this application."""
    return MODEL


@per_series("SecondaryCaptureDeviceSoftwareVersions")
def device_software(authoring: Authoring) -> str:
    """Return the version of this application."""
    return VERSION


@per_series("DateOfSecondaryCapture")
def date_of_capture(authoring: Authoring) -> str | None:
    """Return the date of now."""
    return authoring.date


@per_series("TimeOfSecondaryCapture")
def time_of_capture(authoring: Authoring) -> str | None:
    """Return the time of now."""
    return authoring.time
