"""What an instance says was done to make it: steps, software, sources; read from its attributes, never run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import chain
from typing import NamedTuple

from codes import Code, context_group
from derive.authoring.entities.converted import EXTRACTED, JOINED
from derive.authoring.entities.related_series import PURPOSE
from derive.elements.element import Element
from derive.elements.instance import Instance, items_of
from derive.errors import UsageError
from derive.model.algorithm import Algorithm, is_digest
from derive.model.classes import computed_class_uids
from derive.operations import REGISTRY
from derive.reading.header import Header
from derive.records.steps import CAPTURE, CONVERT, GRID, RecordedStep, assumed_in, own_part, recorded_grid, steps_of
from derive.version import MANUFACTURER, MODEL

__all__ = [
    "CAPTURE",
    "CONVERT",
    "Record",
    "RecordedStep",
    "Software",
    "SourceImage",
    "is_computed",
    "own_part",
    "record_of",
    "recorded_grid",
    "steps_of",
]


#: What equipment did that gave pixels another form (CID 7005).
_CONVERSIONS = frozenset(context_group(7005).find(name).meaning for name in (EXTRACTED, JOINED))


class Software(NamedTuple):
    """Equipment that made or contributed to an instance (PS3.3 C.7.5.1, C.12.1.1.5)."""

    manufacturer: str
    model: str
    versions: str
    purpose: str = ""
    digest: str = ""

    @property
    def ours(self) -> bool:
        """Whether it is this package."""
        return (self.manufacturer, self.model) == (MANUFACTURER, MODEL)

    def __str__(self) -> str:
        """Return one line."""
        return " ".join(filter(None, self[:3])) or "nobody who is named"

    @property
    def computed_by(self) -> Algorithm | None:
        """The same as an algorithm; None where it cannot be one."""
        try:
            return Algorithm(self.model, self.versions, self.manufacturer, self.digest)
        except UsageError:
            return None


class SourceImage(NamedTuple):
    """An item of Source Image Sequence (PS3.3 C.12.4.1.2): an instance, or some of its frames, counted from 1."""

    sop_class_uid: str
    sop_instance_uid: str
    locations_preserved: str
    purpose: str
    frames: tuple[int, ...] = ()


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
        Referenced Series Sequence, or Source Image Evidence Sequence: those of the sources' own sources first.
    converted_from : tuple of SourceImage
        Conversion Source Attributes Sequence: what the very pixels were in before.
    grid_series : tuple of str
        Series Instance UIDs of Related Series Sequence whose grid, or other than pixels, a step took, in the order of
        the steps.
    elsewhere : tuple of (Series Instance UID, SOP Instance UIDs)
        Of other studies: Studies Containing Other Referenced Instances Sequence.
    identity_removed : bool
        Patient Identity Removed.
    """

    software: Software
    contributing: tuple[Software, ...]
    description: str
    codes: tuple[Code, ...]
    sources: tuple[SourceImage, ...]
    series: tuple[tuple[str, tuple[str, ...]], ...]
    grid_series: tuple[str, ...] = ()
    elsewhere: tuple[tuple[str, tuple[str, ...]], ...] = ()
    identity_removed: bool = False
    converted_from: tuple[SourceImage, ...] = ()

    @property
    def converted(self) -> bool:
        """Whether this package gave the pixels of other instances another form, and nothing was done since."""
        ours = any(software.ours and software.purpose in _CONVERSIONS for software in self.contributing)
        return ours and bool(self.converted_from)

    @property
    def steps(self) -> tuple[RecordedStep, ...]:
        """All steps, those that were done to the sources before included."""
        return steps_of(self.description, self.codes)

    def steps_since(self, source_description: str) -> tuple[RecordedStep, ...]:
        """Return the steps that were done to a source that has this Derivation Description itself."""
        return steps_of(own_part(self.description, source_description), self.codes)

    def grid_of(self, recorded: str) -> str:
        """Return the series that a step took its grid of, by the UID that its text has.

        An attribute follows when UIDs are mapped, and text does not (PS3.15 E.3.9): so what counts is the attribute,
        and the text tells which of several it is. Both are in the order of the steps; of a description that was cut
        the first ones are missing.
        """
        texts = list(dict.fromkeys(g for s in self.steps for g in s.grids.values() if not g.startswith(GRID)))
        missing = len(self.grid_series) - len(texts)
        if recorded in self.grid_series or recorded not in texts or missing < 0:
            return recorded
        return self.grid_series[missing + texts.index(recorded)]

    def algorithm(self, text: str) -> Algorithm | None:
        """Return who contributed under a name and a version, as a step has them."""
        found = (software.computed_by for software in reversed(self.contributing))
        return next((a for a in found if a is not None and str(a) == text), None)

    def assumed_since(self, source_description: str, image: Instance) -> dict[str, str]:
        """Return what a person assumed of a source that has this Derivation Description itself, by keyword.

        Parameters
        ----------
        source_description : str
        image : Instance
            A written image: what identifies a person stands in its attributes alone.
        """
        found = assumed_in(own_part(self.description, source_description))
        texts = {k: image.lenient.text(k) if v is ... else str(v) for k, v in found.items()}
        return {k: v for k, v in texts.items() if v}

    @property
    def source_series(self) -> str:
        """Series that the last steps were done to, others that entered left out; empty where none is referenced."""
        uids = [uid for uid, _ in self.series]
        others = set(self._others)
        return next((uid for uid in reversed(uids) if uid not in others), uids[-1] if uids else "")

    @cached_property
    def _others(self) -> Mapping[str, str]:
        """Series whose values entered a step as those of another one: by their UID the text that a step has.

        An attribute follows when UIDs are mapped, and text does not (PS3.15 E.3.9). Both are in one order.
        """
        texts = list(dict.fromkeys(t for s in self.steps for each in s.others.values() for t in each))
        listed = [uid for uid, _ in (*self.series, *self.elsewhere)]
        known = {text: text for text in texts if text in listed}
        if known or not self.identity_removed:
            return known
        return dict(zip(listed[-len(texts) :], texts[-len(listed) :], strict=False))

    def other_series(self, steps: Sequence[RecordedStep]) -> Mapping[str, str]:
        """Return the series that entered some steps as another one, by what the steps call them."""
        texts = {t for s in steps for each in s.others.values() for t in each}
        return {text: uid for uid, text in self._others.items() if text in texts}

    @property
    def source_uids(self) -> tuple[str, ...]:
        """The images of that series that this one was made of; all its sources where no series is referenced."""
        return tuple(dict.fromkeys(s.sop_instance_uid for s in self.own_sources))

    @property
    def referenced_uids(self) -> tuple[str, ...]:
        """The same, or of what only has another form the instances that it was in before."""
        if not self.converted:
            return self.source_uids
        return tuple(dict.fromkeys(image.sop_instance_uid for image in self.converted_from))

    @property
    def own_sources(self) -> tuple[SourceImage, ...]:
        """The same with their frames: those of the sources that have sources themselves are left out."""
        if not self.series:
            return self.sources
        return self.sources_in({self.source_series})

    def sources_in(self, series: Set[str]) -> tuple[SourceImage, ...]:
        """Return those of some series, by Series Instance UID."""
        held = (uids for uid, uids in (*self.series, *self.elsewhere) if uid in series)
        own = frozenset(chain.from_iterable(held))
        return tuple(s for s in self.sources if s.sop_instance_uid in own)

    @property
    def by_derive(self) -> bool:
        """Whether this package made it: by its Equipment, which a caller may set, or by a step of the record."""
        return self.software.ours or any(s.name in REGISTRY or s.name == CONVERT for s in self.steps)


def is_computed(instance: Header) -> bool:
    """Whether a Secondary Capture was made by steps of ours, of images: others of its class are pictures."""
    if instance.readable or instance.sop_class_uid not in computed_class_uids():
        return False
    record = record_of(instance)
    return any(step.name in (*REGISTRY, CAPTURE) for step in record.steps) and bool(record.sources)


def record_of(instance: Instance) -> Record:
    """Read what an image says of how it was made; what is malformed counts as not said.

    Of a frame the Derivation Image macro says it (C.7.6.16.2.6), whether its attributes stand in classic keywords or
    in the macro.
    """
    instance = instance.lenient
    said = [instance] if instance.text("DerivationDescription") else []
    said = said or [*instance.items("DerivationImageSequence")] or [instance]
    sources = tuple(_source_image(item) for where in said for item in where.items("SourceImageSequence"))
    return Record(
        _software(instance),
        tuple(map(_contributing, instance.items("ContributingEquipmentSequence"))),
        "; ".join(filter(None, (where.text("DerivationDescription") for where in said))),
        tuple(_code(item) for where in said for item in where.items("DerivationCodeSequence")),
        sources,
        tuple(map(_referenced, instance.items("ReferencedSeriesSequence"))) or _evidence(instance, sources),
        tuple(_grid_series(instance)),
        tuple(_elsewhere(instance)),
        instance.text("PatientIdentityRemoved") == "YES",
        _images_before(instance.element("ConversionSourceAttributesSequence"), instance.encodings),
    )


def _evidence(instance: Instance, sources: Sequence[SourceImage]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return the series of Source Image Evidence Sequence in the order in which its instances are referred to."""
    found = []
    places = {s.sop_instance_uid: place for place, s in enumerate(sources)}
    for study in instance.items("SourceImageEvidenceSequence"):
        for series in study.items("ReferencedSeriesSequence"):
            uids = tuple(i.text("ReferencedSOPInstanceUID") for i in series.items("ReferencedSOPSequence"))
            place = max((places[uid] for uid in uids if uid in places), default=-1)
            found.append((place, series.text("SeriesInstanceUID"), uids))
    return tuple((uid, uids) for _, uid, uids in sorted(found, key=lambda each: each[0]))


def _software(instance: Instance) -> Software:
    said = (instance.texts(k) for k in ("Manufacturer", "ManufacturerModelName", "SoftwareVersions"))
    return Software(*("\\".join(texts) for texts in said))


def _contributing(item: Instance) -> Software:
    said = item.text("ContributionDescription")
    return _software(item)._replace(purpose=_purpose(item), digest=said if is_digest(said) else "")


def _code(item: Instance) -> Code:
    value = next(filter(None, (item.text(k) for k in ("CodeValue", "LongCodeValue", "URNCodeValue"))), "")
    return Code(value, item.text("CodingSchemeDesignator"), item.text("CodeMeaning"), "")


def _purpose(item: Instance) -> str:
    return next((_code(code).meaning for code in item.items("PurposeOfReferenceCodeSequence")), "")


def _source_image(item: Instance) -> SourceImage:
    class_uid, uid = item.text("ReferencedSOPClassUID"), item.text("ReferencedSOPInstanceUID")
    frames = tuple(int(n) for n in item.numbers("ReferencedFrameNumber"))
    return SourceImage(class_uid, uid, item.text("SpatialLocationsPreserved"), _purpose(item), frames)


@lru_cache(maxsize=16)
def _images_before(element: Element | None, encodings: tuple[str, ...]) -> tuple[SourceImage, ...]:
    """All frames of an instance may have the same ones, thousands of them."""
    items = (items_of(element) or ()) if element is not None else ()
    return tuple(
        _source_image(Instance("an item", {e.tag: e for e in item}, strict=False, around=encodings)) for item in items
    )


def _referenced(item: Instance) -> tuple[str, tuple[str, ...]]:
    uids = tuple(i.text("ReferencedSOPInstanceUID") for i in item.items("ReferencedInstanceSequence"))
    return item.text("SeriesInstanceUID"), uids


def _elsewhere(instance: Instance) -> Iterator[tuple[str, tuple[str, ...]]]:
    for study in instance.items("StudiesContainingOtherReferencedInstancesSequence"):
        yield from map(_referenced, study.items("ReferencedSeriesSequence"))


def _grid_series(instance: Instance) -> Iterator[str]:
    for item in instance.items("RelatedSeriesSequence"):
        purposes = map(_code, item.items("PurposeOfReferenceCodeSequence"))
        if (PURPOSE.value, PURPOSE.scheme) in {(c.value, c.scheme) for c in purposes}:
            yield item.text("SeriesInstanceUID")
