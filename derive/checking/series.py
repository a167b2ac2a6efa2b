"""The check of a series, instance by instance: nothing of an instance is kept but a few numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

from numpy.typing import NDArray

from derive import standard
from derive.checking.finding import Finding, Severity, checks, finding
from derive.checking.frames.instance import FrameChecks
from derive.checking.frames.numbers import FrameNumbers
from derive.checking.instance import FrameValues, Judged
from derive.checking.judges import InstanceChecks
from derive.checking.stack import Slice, slice_of, stack_findings
from derive.elements.element import Element, keyword_of
from derive.elements.instance import Instance
from derive.elements.meaning import same
from derive.model.blemishes import NO_BLEMISHES, Blemishes
from derive.model.classes import IDENTITY
from derive.model.source_frame import Reference
from derive.standard.vr import tag_of_pixels
from derive.told.secrecy import shown_number, shown_term, shown_uid

#: Entities that all instances of a series share.
_SHARED = frozenset({"Patient", "Study", "Series", "Frame of Reference", "Equipment"})
#: Attributes by which these entities are told apart.
_IDENTIFYING = frozenset(
    {
        *("PatientID", "PatientName", "PatientBirthDate", "PatientSex"),
        *("StudyInstanceUID", "StudyDate", "StudyTime", "StudyID", "AccessionNumber"),
        *("SeriesInstanceUID", "SeriesNumber", "Modality", "FrameOfReferenceUID"),
    }
)
#: Of the equipment, and still a matter of each image: judged apart.
_OF_EACH_IMAGE = frozenset({"PixelPaddingValue"})
#: What a source has inside of an item, which is pulled as a whole.
_PULLED = frozenset({"CHK-EMPTY-INSIDE"})
#: Slices that lean, lie unevenly, or are missing.
_UNEVEN = frozenset({"CHK-SERIES-SHEAR", "CHK-SERIES-GAP"})
#: What is wrong with how a value is written.
_AS_WRITTEN = frozenset(
    {"CHK-VR", "CHK-VM", "CHK-SYNTAX", "CHK-ENUM", "CHK-TERM", "CHK-CHARSET", "CHK-SEQUENCE", "CHK-EMPTY"}
)


class SeriesChecker:
    """Check of one series while it is made or read.

    Parameters
    ----------
    sources : sequence of Reference
        What the series was derived from. With them its UIDs must be new, and it must be one volume.
    made : bool
        Whether the series is one that is being made, of sources or of none.
    blemishes : Blemishes
        In what the source is no better: a result that is held to it warns of that, and no more.
    passed : bool
        Whether its pixels, and what is said of them, are those of a source in another form: what is only odd came so.
    uneven : bool
        Whether its slices were left where those of the source lie, and these lean, or lie unevenly.
    numbers : FrameNumbers, optional
        Takes how many frames each instance has, and which ones it refers to.
    """

    def __init__(
        self,
        *,
        sources: Sequence[Reference] = (),
        made: bool = False,
        blemishes: Blemishes = NO_BLEMISHES,
        passed: bool = False,
        uneven: bool = False,
        numbers: FrameNumbers | None = None,
    ) -> None:
        self._passed, self._uneven, self._numbers = passed, uneven, numbers
        self._old_instances = frozenset(r.sop_instance_uid for r in sources)
        self._old_series = frozenset(r.series_instance_uid for r in sources)
        self._made, self._blemishes = made or bool(sources), blemishes
        self._sourceless = made and not sources
        self._names: dict[str, str] = {}
        self._tags: frozenset[int] = frozenset()
        self._shared: dict[int, Element] = {}
        self._first = ""
        self._encodings: tuple[str, ...] = ()
        self._differing: set[int] = set()
        self._kinds: dict[str, dict[tuple[str, ...], str]] = {}
        self._slices: list[Slice] = []
        self._instances = InstanceChecks()
        self._frames = FrameChecks(numbers)
        self._series = ""

    def add(
        self,
        elements: Mapping[int, Element],
        stored: NDArray[Any] | None,
        name: str,
        *,
        encapsulated: bool = False,
        pixels: FrameValues | None = None,
    ) -> list[Finding]:
        """Check one instance, and remember what the check of the series needs.

        Parameters
        ----------
        elements : mapping tag -> Element
            The standard attributes, Pixel Data among them.
        stored : (rows, columns) integer array, optional
            The stored values with their sign; without them no check that needs values is made.
        name : str
            File name, for the findings.
        encapsulated : bool
            Whether Pixel Data is compressed.
        pixels : FrameValues, optional
            Its frames, where they wait aside or lie in a file: then Pixel Data has no value among the elements.

        Returns
        -------
        list of Finding
            Of this instance, errors first.
        """
        if pixels is not None:
            tag = tag_of_pixels(pixels.vr)
            elements = {**elements, tag: Element(tag, pixels.vr, b"\0\0")}
        instance = Instance(name, elements, strict=False)
        sop_class = instance.text("SOPClassUID")
        if self._numbers is not None:
            self._numbers.met(instance)
        found = [*self._uids(instance), *self._shared_attributes(instance)]
        self._kind("CHK-SERIES-CLASS", (sop_class,), name)
        if not standard.supported(sop_class):
            message = f"is {shown_uid(sop_class)}, for which there is no table; its attributes were not checked"
            found.append(finding("CHK-CLASS", "SOPClassUID", message, name))
            return self._ordered(found)
        iod = standard.iod(sop_class)
        judged = Judged(name=name, elements=elements, iod=iod, stored=stored, encapsulated=encapsulated, pixels=pixels)
        found += self._instances.findings(judged)
        found += self._frames.findings(judged)
        self._remember(judged)
        return self._ordered(found)

    def finish(self) -> list[Finding]:
        """Check the series as a whole.

        Returns
        -------
        list of Finding
            Errors first; their ``file`` is the Series Instance UID.
        """
        found = [
            finding(code, _KINDS[code], f"has {len(kinds)} values: {_listed(kinds)}", self._series)
            for code, kinds in self._kinds.items()
            if len(kinds) > 1
        ]
        of_frames = self._frames.finish(self._series)
        return self._ordered([*found, *stack_findings(self._slices, self._series), *of_frames])

    def _ordered(self, findings: list[Finding]) -> list[Finding]:
        if self._sourceless:
            findings = [f for f in findings if f.code != "CHK-SOURCES"]
        if self._passed:
            findings = [_when_passed(f) for f in findings]
        if self._made:  # of UIDs that are kept as they are the source has told already
            findings = [f for f in findings if f.code != "CHK-UID-KEPT"]
            findings = [_as_the_source(_when_made(f), self._blemishes) for f in findings]
        if self._uneven:
            findings = [replace(f, severity="warning") if f.code in _UNEVEN else f for f in findings]
        return sorted(findings, key=lambda f: f.severity)

    def _uids(self, instance: Instance) -> Iterator[Finding]:
        name, uid, series = instance.name, instance.text("SOPInstanceUID"), instance.text("SeriesInstanceUID")
        self._series = self._series or series
        if uid in self._names:
            yield finding(
                "CHK-UID-TWICE", "SOPInstanceUID", f"{shown_uid(uid)} is also that of {self._names[uid]}", name
            )
        if uid:
            self._names.setdefault(uid, name)
        if uid in self._old_instances:
            yield finding("CHK-UID-SOURCE", "SOPInstanceUID", f"{shown_uid(uid)} is that of a source image", name)
        yield from _distinct(instance)
        if series in self._old_series:
            yield finding("CHK-UID-SOURCE", "SeriesInstanceUID", f"{shown_uid(series)} is that of the source", name)

    def _shared_attributes(self, instance: Instance) -> Iterator[Finding]:
        """Compare what the patient, the study, the series and the equipment say with the first instance."""
        if not self._first:
            self._tags = _shared_tags(instance.text("SOPClassUID"))
        present = {tag: e for tag, e in instance.elements.items() if tag in self._tags}
        if not self._first:
            self._first, self._shared, self._encodings = instance.name, present, instance.encodings
            return
        for tag in present.keys() | self._shared.keys():
            first, this = self._shared.get(tag), present.get(tag)
            if first is this or tag in self._differing or same(first, this, self._encodings, instance.encodings):
                continue
            self._differing.add(tag)
            keyword = keyword_of(tag)
            code = "CHK-ENTITY" if keyword in _IDENTIFYING else "CHK-ENTITY-DIFFERS"
            message = f"differs from that of {self._first}, which is of the same series"
            yield finding(code, keyword, message, instance.name)

    def _remember(self, instance: Judged) -> None:
        self._kind("CHK-SERIES-TYPE", tuple(map(str.upper, instance.texts("ImageType"))), instance.name)
        keyword = (instance.target.units_keyword if instance.target else "") or "RescaleType"
        units = instance.text(keyword) or standard.defaults(instance.iod.name).get(keyword, "")
        self._kind("CHK-SERIES-UNITS", (units.upper(),), instance.name)
        lossy = (instance.text("LossyImageCompression"), *instance.texts("LossyImageCompressionMethod"))
        self._kind("CHK-LOSSY-SERIES", lossy, instance.name)
        self._kind("CHK-CHARSET-SERIES", tuple(instance.texts("SpecificCharacterSet")), instance.name)
        self._kind("CHK-PADDING-SERIES", tuple(instance.texts("PixelPaddingValue")), instance.name)
        self._slices.append(slice_of(instance))

    def _kind(self, code: str, kind: tuple[str, ...], name: str) -> None:
        self._kinds.setdefault(code, {}).setdefault(kind, name)


def _distinct(instance: Instance) -> Iterator[Finding]:
    """Instance, series, study and frame of reference are different things with different UIDs."""
    seen: dict[str, str] = {}
    for keyword in ("StudyInstanceUID", "FrameOfReferenceUID", "SeriesInstanceUID", "SOPInstanceUID"):
        uid = instance.text(keyword)
        if uid and uid in seen:
            code = "CHK-UID-IDENTITY" if keyword == "FrameOfReferenceUID" else "CHK-UID-SHARED"
            yield finding(code, keyword, f"{shown_uid(uid)} is also {seen[uid]}", instance.name)
        seen.setdefault(uid, keyword)


def _as_the_source(found: Finding, blemishes: Blemishes) -> Finding:
    """Return a finding of a result as a warning, where it lacks what its source lacks and no condition of ours made so.

    *2026-12-01.* Multi-frame images that were de-identified by others lack what a condition demands of all of them; a
    result is not worse than they are, and nobody knows the value.
    """
    same = (
        found.code in ("CHK-CONDITION", "CHK-MACRO", "CHK-TYPE1") and found.path.rpartition(">")[2] in blemishes.lacking
    )
    same = same or (found.code == "CHK-ENTITY-DIFFERS" and found.path in blemishes.differing)
    return replace(found, severity="warning") if same else found


def _when_passed(found: Finding) -> Finding:
    """Return a finding as it is of a series in another form: what is wrong with its identity came so and stays."""
    made = _when_made(found)
    return made if made.severity == "warning" else found


def _when_made(found: Finding) -> Finding:
    """Return a finding as it is of a derived series.

    What its patient and study lack cannot be made up, and what a source says of them is not altered: how it is
    written is the source's fault.
    """
    check = checks()[found.code]
    severity: Severity = check.made if check.made != check.severity else found.severity
    if found.code in _PULLED:
        return replace(found, severity="warning")
    if found.module not in standard.modules_of(IDENTITY):
        return replace(found, severity=severity)
    kept = ">" in found.path or found.code in _AS_WRITTEN
    pulled = kept or found.rule in ("type 1C", "type 2C") or found.severity == "warning"
    message = f"{found.message}; kept, since identity is not altered" if kept else found.message
    return replace(found, severity="warning" if pulled else "error", message=message)


_KINDS = {
    "CHK-SERIES-CLASS": "SOPClassUID",
    "CHK-SERIES-TYPE": "ImageType",
    "CHK-SERIES-UNITS": "RescaleType",
    "CHK-LOSSY-SERIES": "LossyImageCompression",
    "CHK-CHARSET-SERIES": "SpecificCharacterSet",
    "CHK-PADDING-SERIES": "PixelPaddingValue",
}


def _listed(kinds: Mapping[tuple[str, ...], str]) -> str:
    shown = [f"{_terms(kind)} ({name})" for kind, name in list(kinds.items())[:4]]
    return ", ".join(shown) + (", ..." if len(kinds) > 4 else "")


def _terms(kind: tuple[str, ...]) -> str:
    """UIDs, short numbers and known terms; of anything else that it is another."""
    return "\\".join(map(_term, kind)) or "none"


def _term(text: str) -> str:
    if text.removeprefix("-").isdecimal():
        return shown_number(text)
    return shown_uid(text) if text[:1].isdigit() else shown_term(text, standard.known_terms())


@cache
def _shared_tags(sop_class: str) -> frozenset[int]:
    """Return the attributes of the entities that the instances of a series share."""
    iod = standard.iod(sop_class if standard.supported(sop_class) else standard.sop_class_uids()[0])
    return frozenset(
        rules[0].tag
        for keyword, rules in iod.all_rules.items()
        if keyword not in _OF_EACH_IMAGE and all(r.entity in _SHARED for r in rules)
    )
