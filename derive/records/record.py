"""What an instance says was done to make it: steps, software, sources; read from its attributes, never run."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from pydicom.charset import default_encoding

from codes import Code
from derive.elements.element import Element, tag_of
from derive.elements.encoding import text_of
from derive.elements.instance import items_of
from derive.operations import REGISTRY
from derive.records.steps import CONVERT, RecordedStep, own_part, recorded_grid, steps_of
from derive.records.written import Instance
from derive.version import MANUFACTURER, MODEL

__all__ = [
    "CONVERT",
    "Record",
    "RecordedStep",
    "Software",
    "SourceImage",
    "own_part",
    "record_of",
    "recorded_grid",
    "steps_of",
]

_Item = tuple[Element, ...]
_ASCII = (default_encoding,)


class Software(NamedTuple):
    """Equipment that made or contributed to an instance (PS3.3 C.7.5.1, C.12.1.1.5)."""

    manufacturer: str
    model: str
    versions: str
    purpose: str = ""

    @property
    def ours(self) -> bool:
        """Whether it is this package."""
        return (self.manufacturer, self.model) == (MANUFACTURER, MODEL)

    def __str__(self) -> str:
        """Return one line."""
        return " ".join(filter(None, self[:3])) or "nobody who is named"


class SourceImage(NamedTuple):
    """An item of Source Image Sequence (PS3.3 C.12.4.1.2)."""

    sop_class_uid: str
    sop_instance_uid: str
    locations_preserved: str
    purpose: str


@dataclass(frozen=True)
class Record:
    """Everything that one instance says of how it was made.

    Parameters
    ----------
    software : Software
        Of the Equipment module.
    contributing : tuple of Software
        Contributing Equipment Sequence.
    description : str
        Derivation Description as it is.
    codes : tuple of Code
        Derivation Code Sequence.
    sources : tuple of SourceImage
        Source Image Sequence.
    series : tuple of (Series Instance UID, SOP Instance UIDs)
        Referenced Series Sequence: those of the sources' own sources first.
    """

    software: Software
    contributing: tuple[Software, ...]
    description: str
    codes: tuple[Code, ...]
    sources: tuple[SourceImage, ...]
    series: tuple[tuple[str, tuple[str, ...]], ...]

    @property
    def steps(self) -> tuple[RecordedStep, ...]:
        """All steps, those that were done to the sources before included."""
        return steps_of(self.description, self.codes)

    def steps_since(self, source_description: str) -> tuple[RecordedStep, ...]:
        """Return the steps that were done to a source that has this Derivation Description itself."""
        return steps_of(own_part(self.description, source_description), self.codes)

    @property
    def source_series(self) -> str:
        """Series that the last steps were done to; empty where none is referenced."""
        return self.series[-1][0] if self.series else ""

    @property
    def source_uids(self) -> tuple[str, ...]:
        """The images of that series that this one was made of; all its sources where no series is referenced."""
        every = tuple(s.sop_instance_uid for s in self.sources)
        own = set(self.series[-1][1]) if self.series else set(every)
        return tuple(uid for uid in every if uid in own)

    @property
    def by_derive(self) -> bool:
        """Whether this package made it: by its Equipment, which a caller may set, or by a step of the record."""
        return self.software.ours or any(s.name in REGISTRY or s.name == CONVERT for s in self.steps)


def record_of(instance: Instance) -> Record:
    """Read what an instance says of how it was made; what is malformed counts as not said."""
    encodings = instance.encodings
    return Record(
        Software(*(instance.text(k) for k in ("Manufacturer", "ManufacturerModelName", "SoftwareVersions"))),
        tuple(_software(item, encodings) for item in _items(instance, "ContributingEquipmentSequence")),
        instance.text("DerivationDescription"),
        tuple(_code(item, encodings) for item in _items(instance, "DerivationCodeSequence")),
        tuple(_source_image(item) for item in _items(instance, "SourceImageSequence")),
        tuple(_referenced(item) for item in _items(instance, "ReferencedSeriesSequence")),
    )


def _items(instance: Instance, keyword: str) -> tuple[_Item, ...]:
    element = instance.elements.get(tag_of(keyword))
    return (element and items_of(element)) or ()


def _inner(item: _Item, keyword: str) -> tuple[_Item, ...]:
    tag = tag_of(keyword)
    return next((items_of(e) or () for e in item if e.tag == tag), ())


def _said(item: _Item, keyword: str, encodings: tuple[str, ...] = _ASCII) -> str:
    tag = tag_of(keyword)
    found = next((e for e in item if e.tag == tag), None)
    try:
        return "" if found is None else text_of(found, encodings)
    except Exception:  # pydicom raises whatever a malformed value causes
        return ""


def _code(item: _Item, encodings: tuple[str, ...]) -> Code:
    value = next(filter(None, (_said(item, k) for k in ("CodeValue", "LongCodeValue", "URNCodeValue"))), "")
    return Code(value, _said(item, "CodingSchemeDesignator"), _said(item, "CodeMeaning", encodings), "")


def _purpose(item: _Item) -> str:
    return next((_code(code, _ASCII).meaning for code in _inner(item, "PurposeOfReferenceCodeSequence")), "")


def _software(item: _Item, encodings: tuple[str, ...]) -> Software:
    maker, model = _said(item, "Manufacturer", encodings), _said(item, "ManufacturerModelName", encodings)
    return Software(maker, model, _said(item, "SoftwareVersions", encodings), _purpose(item))


@lru_cache(maxsize=65536)
def _source_image(item: _Item) -> SourceImage:
    """Read one item; neighbouring instances have the same ones."""
    class_uid, uid = _said(item, "ReferencedSOPClassUID"), _said(item, "ReferencedSOPInstanceUID")
    return SourceImage(class_uid, uid, _said(item, "SpatialLocationsPreserved"), _purpose(item))


def _referenced(item: _Item) -> tuple[str, tuple[str, ...]]:
    uids = tuple(_referenced_uid(i) for i in _inner(item, "ReferencedInstanceSequence"))
    return _said(item, "SeriesInstanceUID"), uids


@lru_cache(maxsize=65536)
def _referenced_uid(item: _Item) -> str:
    return _said(item, "ReferencedSOPInstanceUID")
