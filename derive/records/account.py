"""The account of a written series, made anew: by the policy and what its files show; against its sources, where given.

The same series pass that made the series decides again; no pixel is looked at and no step is run.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any, NoReturn

from derive import standard
from derive.authoring.assemble import SeriesPass, assemble
from derive.authoring.decision import Entry
from derive.authoring.options import Options
from derive.authoring.order import Order
from derive.authoring.passing import outsiders
from derive.authoring.policy import Action, known_across_classes, row, rows
from derive.authoring.prepare import draft, source_encoding
from derive.authoring.private import CREATOR_REASON, private_row, private_rules
from derive.authoring.settable import settable
from derive.elements.element import Element, tag_of
from derive.elements.encoding import decode
from derive.elements.instance import Instance, items_of
from derive.elements.mend import legal
from derive.errors import DeriveError, MissingAttribute
from derive.model.classes import IDENTITY, in_all_forms, made_class_uids, target_of
from derive.model.derivation import Derivation, GeometryEffect, Step
from derive.model.frames import Volumes
from derive.model.geometry import Geometry
from derive.model.reference import FrameRef
from derive.model.source import Sources, SourceSeries
from derive.model.stacking import quantity_of
from derive.model.uids import UidsOfSeries
from derive.model.volume import Volume
from derive.operations import REGISTRY
from derive.operations.kit.change import GridChange
from derive.reading.header import Header
from derive.records.contributors import contributors_of, frames_of_instances
from derive.records.record import CAPTURE, CONVERT, Record, RecordedStep, record_of
from derive.records.written import iod_told
from derive.told.wording import counted, flag

#: What is of the application that ran, or follows from pixels: not compared with what it would be today.
_APPLICATION = (
    "DerivationDescription",
    "RelatedSeriesSequence",
    "Manufacturer",
    "ManufacturerModelName",
    "SoftwareVersions",
)
_WINDOW = ("WindowCenter", "WindowWidth", "WindowCenterWidthExplanation", "VOILUTFunction", "VOILUTSequence")
#: Of other series than the source, which are not at hand.
_OTHERS = ("RelatedSeriesSequence",)
#: By a UID that each object has of its own.
_DIMENSIONS = ("DimensionOrganizationSequence", "DimensionIndexSequence")
_OF_THE_RUN = frozenset(map(tag_of, (*_APPLICATION, *_WINDOW, *_OTHERS, *_DIMENSIONS)))
_NEW_VRS = frozenset({"UI", "DA", "TM", "DT"})
#: What the parts of an instance say that is too long for one file (C.7.6.16.2.2.4).
_OF_PARTS = frozenset(
    tag_of(keyword)
    for keyword in (
        *("ConcatenationUID", "SOPInstanceUIDOfConcatenationSource", "ConcatenationFrameOffsetNumber"),
        *("InConcatenationNumber", "InConcatenationTotalNumber"),
    )
)
#: Why an attribute is as it was where nothing was derived.
PASSED = "the same pixels in another form: as the images had it"
#: Of a value that no source was compared with.
PULLED_OR_GIVEN = "pulled or given"
_ACTIONS = {Action.PULL: "pulled", Action.RECOMPUTE: "recomputed", Action.EMPTY: "emptied", Action.DROP: "dropped"}


def derivation_of(record: Record, steps: Sequence[RecordedStep], new_plane: bool = False) -> Derivation:
    """Return what was done, as far as the record tells: effects from the operations, else from the references.

    Parameters
    ----------
    record : Record
    steps : sequence of RecordedStep
        Those that were done to the source.
    new_plane : bool
        Whether the planes have another orientation than those of the source.
    """
    placed = any(s.locations_preserved != "NO" for s in record.sources)
    found = GridChange(GeometryEffect.KEEPS_GRID if placed else GeometryEffect.NEW_GRID, new_plane)
    derivation = Derivation()
    for step in steps:
        kind = REGISTRY.get(step.name)
        if kind is None and step.name not in (CONVERT, CAPTURE):
            continue
        done = kind.step(step.parameters, step.text, step.code, found) if kind else _conversion(step, found)
        algorithm = record.algorithm(str(step.parameters.get("algorithm") or ""))
        derivation = derivation.then(replace(done, algorithm=algorithm, short=_short_of(step)))
    return derivation


def _short_of(step: RecordedStep) -> str:
    """What an operation says of itself with the parameters of a record, as far as that has them."""
    kind = REGISTRY.get(step.name)
    if kind is None:
        return str(step.parameters.get("description") or "")
    try:
        return kind.short_of(step.parameters)
    except (LookupError, TypeError, ValueError, DeriveError):
        return ""


def _conversion(step: RecordedStep, found: GridChange) -> Step:
    name, parameters = f"from {step.parameters.get('format')}", dict(step.parameters)
    return Step(
        name, step.code, step.text, parameters, found.geometry_effect, new_plane=found.new_plane, places_known=False
    )


def by_policy(sop_class_uid: str, derivation: Derivation, image: Instance, referenced: bool) -> dict[int, Entry]:
    """Return what the policy says of every attribute of an image, where no source is at hand.

    Parameters
    ----------
    sop_class_uid : str
    derivation : Derivation
    image : Instance
    referenced : bool
        Whether there is a source; without, what would be pulled was said by somebody. With one that nobody looks at
        it was pulled, or a person gave it: a file does not tell which (decided 2026-11-30).
    """
    account: dict[int, Entry] = {}
    iod = iod_told(sop_class_uid)
    for tag, element in image.elements.items():
        rule = iod.attributes.get(standard.keyword_of(tag) or "")
        if rule is None:
            continue
        line = row(rule.module, rule.keyword)
        action, reason = _ACTIONS[line.action(derivation)], line.reason
        if action == "pulled" and not element.stripped() and rule.entity not in IDENTITY:
            action, reason = "emptied", "the sources differ, or have none"
        elif action == "pulled" and not referenced:
            action, reason = "given", "no image is behind it: said by the caller, or by the file that was converted"
        elif action == "pulled":
            action, reason = PULLED_OR_GIVEN, PASSED if derivation.passes else reason
        elif action == "dropped" and derivation.passes:  # the form has no other place for it
            action, reason = PULLED_OR_GIVEN, PASSED
        elif action == "dropped":
            continue
        account[tag] = Entry(tag, action, reason, line.section)
    return account | _private(derivation, image)


def _private(derivation: Derivation, image: Instance) -> dict[int, Entry]:
    """What is decided of the safe private attributes of an image, and of what says whose they are."""
    found = {tag: private for tag in image.elements if (private := standard.safe_private_of(tag)) is not None}
    rows = {tag: private_row(private)[0] for tag, private in found.items()}
    entries = {t: Entry(t, _ACTIONS[r.action(derivation)], r.reason) for t, r in rows.items()}
    creators = {p.creator_tag: Entry(p.creator_tag, "recomputed", CREATOR_REASON) for p in found.values()}
    return {t: e for t, e in (entries | creators).items() if e.action != "dropped"}


def rules_of_dropping(sop_class_uid: str, derivation: Derivation) -> list[tuple[str, str, str, str]]:
    """Return the rows (module, keyword, reason, section) by which an attribute of a source is dropped.

    The keyword is ``*`` for a whole module but for what other rows name.
    """
    if sop_class_uid not in made_class_uids():
        return []
    iod = iod_told(sop_class_uid)
    used = {m.module for m in iod.modules} | {rule.module for rule in iod.attributes.values()}
    dropped = [r for (module, _), r in rows().items() if module in used and r.action(derivation) is Action.DROP]
    return [(r.module, r.keyword, r.reason, r.section) for r in sorted(dropped, key=lambda r: (r.module, r.keyword))]


def unexplained(tag: int, sop_class_uid: str) -> Entry:
    """Return the entry of an attribute that is there though neither policy nor source put it there."""
    if tag in _OF_PARTS:
        return Entry(tag, "recomputed", "a part of an instance that is too long for one file", "C.7.6.16")
    iod = iod_told(sop_class_uid) if standard.supported(sop_class_uid) else None
    rule = iod.attributes.get(standard.keyword_of(tag) or "") if iod else None
    if rule is not None and settable(rule):
        why = (
            f"neither policy nor sources explain it: said by the caller ({flag('set')}), or changed "
            "since; no file can tell"
        )
        return Entry(tag, "given", why, _section(rule.module))
    what = "private" if tag >> 16 & 1 else f"not in the {iod.name} IOD" if iod else "of a class without a table"
    why = "neither policy nor sources explain it: added or changed since"
    return Entry(tag, "unexplained", why if rule else f"{what}; {why}", _section(rule.module) if rule else "")


def _section(module: str) -> str:
    """Return the section of a module; of a macro that no table has a section of nothing."""
    try:
        return standard.section(module)
    except LookupError:
        return ""


@dataclass(frozen=True)
class Compared:
    """How the written values compare with what the sources make them.

    Parameters
    ----------
    agrees : bool, optional
        None where nothing can be compared.
    text : str
    """

    agrees: bool | None
    text: str


class SourcedAccount:
    """The account of a written series, from its sources.

    Parameters
    ----------
    written : SourceSeries
        The written series, as it is read.
    images : mapping (SOP Instance UID, frame number) -> Header
        The same images, frames with their macros as attributes.
    source : SourceSeries

    Raises
    ------
    DeriveError
        If the series cannot be assembled from these sources.
    """

    def __init__(self, written: SourceSeries, images: Mapping[tuple[str, int], Header], source: SourceSeries) -> None:
        self._images = [images[f.reference.sop_instance_uid, f.number] for f in written.frames]
        records = [record_of(i) for i in self._images]
        steps = records[0].steps_since(source.text("DerivationDescription"))
        new_plane = not written.geometry.same_plane(source.geometry)
        self.derivation = derivation_of(records[0], steps, new_plane)
        places = frames_of_instances(source.frames)
        self._contributors = [contributors_of(record, places) for record in records]
        self._source = _known(source, written.sop_class_uid, self._images[0])
        self._pass = self._assembled(written)
        self._judged = list(zip(self._images, self._contributors, strict=True))
        self.entries = {e.tag: e for e in self._pass.account}

    def judge_only(self, frame_number: int | None) -> None:
        """Compare no other images than those of this number in their instance; None compares all."""
        pairs = zip(self._images, self._contributors, strict=True)
        self._judged = [(i, c) for i, c in pairs if frame_number in (None, i.frame_number)]

    def _assembled(self, written: SourceSeries) -> SeriesPass:
        slices, quantity = written.geometry.shape[0], quantity_of(written)
        grid = self._grid(written.geometry)
        volumes = tuple(
            replace(Volume(grid, _nothing, partial(self._contributed, begin)), quantity=quantity)
            for begin in range(0, len(written.frames), slices)
        )
        stored = source_encoding(self._source.frames, self.derivation)
        target = target_of(written.sop_class_uid)
        order = Order(Sources(self._source), Volumes(volumes, written.dimensions), self.derivation, target, stored)
        try:
            return self._passed(order, Options())
        except MissingAttribute as error:  # somebody had to say it
            first, said = self._images[0], error.facts.get("keywords") or [error.facts["keyword"]]
            return self._passed(order, Options(set={k: first.text(k) for k in said}))

    def _contributed(self, begin: int, index: int) -> tuple[FrameRef, ...]:
        return self._contributors[begin + index]

    def _passed(self, order: Order, options: Options) -> SeriesPass:
        uids = UidsOfSeries(series_instance_uid=self._images[0].text("SeriesInstanceUID"))
        return assemble(replace(draft(order, options), uids=uids))

    def _grid(self, written: Geometry) -> Geometry:
        """The written grid; slices that somebody made are as thick as the images say."""
        thickness = self._images[0].value("SliceThickness")
        if self.derivation.geometry_effect is GeometryEffect.KEEPS_GRID or not thickness:
            return written
        return replace(written, slice_thickness=float(thickness))

    @cached_property
    def _rules(self) -> Mapping[str, standard.AttributeRule]:
        return self._pass.authoring.target.iod.attributes

    def check(self, tag: int) -> Compared:
        """Compare the written values of an attribute with what the sources make them."""
        entry = self.entries[tag]
        if entry.varies and entry.action == "pulled":
            return self._varying(tag)
        if entry.action == "emptied":
            return self._emptied(tag)
        if entry.action == "recomputed" and (entry.varies or not self._compared(tag)):
            return Compared(None, "")
        expected = self._pass.constant.get(tag)
        agrees = all(_equal(i.elements.get(tag), expected, i.encodings, self._encodings) for i, _ in self._judged)
        if entry.action == "recomputed":
            return Compared(agrees, "as the sources make it" if agrees else "not what the sources make it")
        count = len(self._source.frames)
        if not agrees:
            return Compared(False, "differs from the sources!")
        if tag in self._source.table.constant:
            return Compared(True, "same in the source" if count == 1 else f"same in all {count} sources")
        return Compared(True, f"from {counted(count, 'source')}")

    def _emptied(self, tag: int) -> Compared:
        """Whether an attribute that has to be there without a value is so."""
        found = [image.elements.get(tag) for image, _ in self._judged]
        if all(e is not None and not e.stripped() for e in found):
            return Compared(True, "")
        return Compared(False, "is not empty; of the sources it is!")

    @property
    def _encodings(self) -> tuple[str, ...]:
        return tuple(self._pass.authoring.encodings)

    def _compared(self, tag: int) -> bool:
        """Whether an attribute that is made anew follows from the sources and the grid alone."""
        element = self._pass.constant.get(tag)
        new = element is not None and element.vr in _NEW_VRS
        creator = bool(tag & 0x10000) and tag & 0xFFFF < 0x100  # of private attributes: no image tells of it as a value
        return tag not in _OF_THE_RUN and not new and not creator and len(self._images) > 1

    def _varying(self, tag: int) -> Compared:
        """Compare image by image with the sources that contributed to it."""
        beyond = {rule.tag: rule for rule, _ in outsiders(self._pass.authoring)}
        rule = private_rules().get(tag) or beyond.get(tag) or self._rules[standard.keyword_of(tag) or ""]
        listed = standard.values(self._pass.authoring.target.iod.name, rule.keyword)
        wrong = 0
        for image, contributors in self._judged:
            expected = self._pass.authoring.source.agreement(tag, contributors).element
            if expected is not None and rule.entity not in IDENTITY:
                expected = legal(expected, rule, listed, self._encodings)[0]
            has = image.elements.get(tag)
            if expected is None and (has is None or not has.stripped() or row(rule.module, rule.keyword).fallback):
                continue
            wrong += not _equal(has, expected, image.encodings, self._encodings)
        if wrong:
            return Compared(False, f"differs from the sources in {wrong} of {counted(len(self._judged), 'image')}!")
        return Compared(True, "same in the sources of each image")


def _nothing(first: int, last: int) -> NoReturn:
    raise AssertionError("no pixel is looked at")


def _known(source: SourceSeries, sop_class_uid: str, image: Instance) -> SourceSeries:
    """Return what is known of a source: of one of another class, what is true of any class; the written charset."""
    if sop_class_uid not in in_all_forms(source.sop_class_uid):
        source = source.only(known_across_classes(target_of(source.sop_class_uid).iod), {}, {})
    charset = tag_of("SpecificCharacterSet")
    utf8 = image.text("SpecificCharacterSet") == "ISO_IR 192"
    return source.in_utf8() if utf8 and any(e != image.elements[charset] for e in _column(source, charset)) else source


def _column(source: SourceSeries, tag: int) -> list[Element | None]:
    return [source.table.element(tag, i) for i in range(source.table.count)]


def _equal(
    one: Element | None, other: Element | None, encodings: Sequence[str], other_encodings: Sequence[str]
) -> bool:
    """Whether two elements say the same, in whatever character set and however their items are delimited."""
    if one is None or other is None:
        return (one or other) is None
    if one.stripped() == other.stripped():
        return True
    if one.vr == "SQ" and other.vr == "SQ":
        left, right = items_of(one), items_of(other)
        return left is not None and right is not None and _equal_items(left, right, (encodings, other_encodings))
    try:
        with warnings.catch_warnings(action="ignore"):
            return bool(decode(one, encodings) == decode(other, other_encodings))
    except Exception:  # pydicom raises whatever a malformed value causes
        return False


def _equal_items(left: Sequence[Any], right: Sequence[Any], encodings: tuple[Sequence[str], Sequence[str]]) -> bool:
    return len(left) == len(right) and all(
        [e.tag for e in a] == [e.tag for e in b] and all(_equal(x, y, *encodings) for x, y in zip(a, b, strict=True))
        for a, b in zip(left, right, strict=True)
    )


def account_of(written: SourceSeries, images: Sequence[Header], source: SourceSeries) -> SourcedAccount:
    """Return the account of a written series from its sources.

    Raises
    ------
    DeriveError
        If the series cannot be assembled from these sources.
    """
    return SourcedAccount(written, {(i.text("SOPInstanceUID"), i.frame_number): i for i in images}, source)
