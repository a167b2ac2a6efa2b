"""An explanation as it is told: for people as text, for programs as JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any

from derive.elements.confidential import MASKED, NOTE, masked
from derive.elements.element import keyword_of
from derive.reading.header import LONGEST_TOLD, Header
from derive.records.details import Detail, brief, details_in, name_of, readable, written_out
from derive.records.record import Record
from derive.records.steps import RecordedStep
from derive.records.written import ENTITIES, class_name
from derive.told.wording import counted, flag


@dataclass(frozen=True)
class Explained:
    """What became of one attribute, and why.

    Parameters
    ----------
    tag : int
    action : str
        pulled, recomputed, emptied, given, dropped, "not in this IOD", unexplained or absent; "pulled or given"
        where no source is at hand that would tell.
    reason, section : str
        By which rule; section of PS3.3.
    entity : str
    value : str
        As the image shows it; of several images that differ, how many values.
    varies : bool
        Whether it differs between the images.
    checked : str
        How it compares with the sources; empty where there is nothing to compare.
    agrees : bool, optional
        Whether it does.
    details : tuple of Detail
        What stands in its items, where all of an image is told; of a macro of frames always, those of the first.
    """

    tag: int
    action: str
    reason: str
    section: str
    entity: str
    value: str = ""
    varies: bool = False
    checked: str = ""
    agrees: bool | None = None
    details: tuple[Detail, ...] = ()

    def masked(self) -> Explained:
        """Return the same without the values that tell whose images they are."""
        value = self.value if self.details else masked(self.tag, self.value)  # of items their count
        return replace(self, value=value, details=tuple(d.masked() for d in self.details))

    @property
    def keyword(self) -> str:
        """Keyword, or (gggg,eeee)."""
        return keyword_of(self.tag)

    @property
    def told(self) -> str:
        """Its value in a line; of a macro what stands in it, of several that differ in the first."""
        said = brief(self.details, LONGEST_TOLD)
        several = self.value.partition(" values:")[0] if self.varies else ""
        return f"{several} values: {said}" if said and several.isdigit() else said or self.value

    def to_json(self) -> dict[str, Any]:
        """Return everything, for programs."""
        return {
            "keyword": self.keyword,
            "tag": f"{self.tag:08X}",
            "entity": self.entity,
            "action": self.action,
            "reason": self.reason,
            "section": self.section,
            "value": self.value,
            "varies": self.varies,
            "checked": self.checked,
            "agrees": self.agrees,
            "details": [{"depth": d.depth, "tag": f"{d.tag:08X}", "value": d.value} for d in self.details],
        }


@dataclass(frozen=True)
class Explanation:
    """What is known of how a series, or one image of it, came to be.

    Parameters
    ----------
    images : int
    sop_class_uid, series_instance_uid : str
    record : Record
    steps : tuple of RecordedStep
        Those that were done to the source; all that are recorded where it is not at hand.
    source_images : int, optional
        How many images the source has; None where it is not at hand.
    attributes : tuple of Explained
        Of the images, in tag order.
    dropped : tuple of Explained
        Of the source; empty where it is not at hand.
    rules : tuple of (module, keyword, reason, section)
        By which attributes of the source are dropped, if it has them.
    notes : tuple of str
    assumed : mapping keyword -> text
        What a person said of the source, as recorded; what identifies somebody is not repeated.
    whole : str
        Which image is told in full; empty where no image is.
    middle : Header, optional
        The image in the middle.
    instances : int
        How many instances hold the images; fewer than these where they are frames.
    by_frame : callable (int) -> Explanation, optional
        What tells of one frame.
    is_masked : bool
        Whether values that tell whose images they are were taken out.
    """

    images: int
    sop_class_uid: str
    series_instance_uid: str
    record: Record
    steps: tuple[RecordedStep, ...]
    source_images: int | None
    attributes: tuple[Explained, ...]
    dropped: tuple[Explained, ...] = ()
    rules: tuple[tuple[str, str, str, str], ...] = ()
    notes: tuple[str, ...] = ()
    assumed: Mapping[str, str] = field(default_factory=dict)
    whole: str = ""
    middle: Header | None = field(default=None, repr=False, compare=False)
    is_masked: bool = False
    instances: int = 1
    by_frame: Callable[[int], Explanation] | None = field(default=None, repr=False, compare=False)

    @property
    def differing(self) -> tuple[Explained, ...]:
        """What is not as the sources make it."""
        return tuple(e for e in (*self.attributes, *self.dropped) if e.agrees is False)

    def __str__(self) -> str:
        """Return aligned lines for people."""
        lines = [*self._head()]
        by_entity = sorted(self.attributes, key=lambda e: ENTITIES.index(e.entity))
        for entity, group in groupby(by_entity, key=lambda e: e.entity):
            entries = list(group)
            lines += ["", entity, *(_in_full(entries) if self.whole else _lines(entries))]
        if self.dropped:
            lines += ["", "Dropped of the source", *_lines(_folded(self.dropped))]
        elif self.rules and not self.whole:
            lines += ["", "Dropped, if the source has it"]
            lines += [f"  {m + ' ' + k:<48}  {r} (PS3.3 {s})" for m, k, r, s in self.rules]
        return "\n".join(lines)

    def masked(self) -> Explanation:
        """Return the same without the values that tell whose images they are."""
        attributes = tuple(e.masked() for e in self.attributes)
        return replace(self, attributes=attributes, steps=tuple(s.shown for s in self.steps), is_masked=True)

    def in_full(self) -> Explanation:
        """Return all that the image in the middle says, items of sequences included."""
        image = self.middle
        if image is None:
            return self
        attributes = tuple(_told_of(image, e) for e in self.attributes)
        number = image.text("InstanceNumber") or "one"
        if self.frames:
            number = f"frame {image.frame_number} of instance {number}, one"
        found = replace(self, attributes=attributes, whole=f"{number} of {self.images}")
        return found.masked() if self.is_masked else found

    def of_frame(self, number: int) -> Explanation:
        """Return what is known of one frame of a multi-frame instance, or of the frames of this number in several.

        Parameters
        ----------
        number : int
            From 1.

        Raises
        ------
        UsageError
            ``EXP-FRAME`` if there is no such frame.
        """
        return self if self.by_frame is None else self.by_frame(number)

    @property
    def frames(self) -> bool:
        """Whether the images are frames of multi-frame instances."""
        return self.middle is not None and (self.images > self.instances or self.middle.frame_number > 1)

    @property
    def masks(self) -> bool:
        """Whether any value is masked."""
        values = (value for e in self.attributes for value in (e.value, *(d.value for d in e.details)))
        return MASKED in values or any(s.text == MASKED for s in self.steps)

    def _head(self) -> Iterator[str]:
        images = counted(self.images, "image")
        if self.frames:
            images = f"{counted(self.images, 'frame')} in {counted(self.instances, 'instance')}"
        yield f"{images} of {class_name(self.sop_class_uid)}, series {self.series_instance_uid}"
        yield f"made by  {self.record.software}"
        for software in self.record.contributing:
            purpose = f"({software.purpose})" if software.purpose else ""
            yield " ".join(filter(None, ("with    ", str(software), purpose, software.digest)))
        for keyword, value in self.assumed.items():
            yield f"assumed  {keyword}={value}, as a person said"
        for step in self.steps:
            yield f"step     {step.text}{f'  {step.code}' if step.code else ''}"
            if not step.recomputable:
                yield f"         {step.why_not}"
        if self.record.source_series:
            known = "not at hand" if self.source_images is None else counted(self.source_images, "image")
            yield f"source   series {self.record.source_series}, {known}"
        yield from (f"grid     of series {uid}" for uid in self.record.grid_series)
        if self.whole:
            yield f"image    {self.whole}, in full"
        yield from (f"note     {n}" for n in self.notes)
        if self.masks:
            yield f"note     {NOTE}; {flag('show_values')} shows them"

    def to_json(self) -> dict[str, Any]:
        """Return everything, for programs."""
        software = [s._asdict() for s in (self.record.software, *self.record.contributing)]
        return {
            "schema": "derive-explain/1",
            "images": self.images,
            "instances": self.instances,
            "sop_class_uid": self.sop_class_uid,
            "series_instance_uid": self.series_instance_uid,
            "made_by": software[0],
            "contributing": software[1:],
            "assumed": dict(self.assumed),
            "steps": [s.to_json() for s in self.steps],
            "source": {"series_instance_uid": self.record.source_series, "images": self.source_images},
            "attributes": [e.to_json() for e in self.attributes],
            "dropped": [e.to_json() for e in self.dropped],
            "rules": [dict(zip(("module", "keyword", "reason", "section"), r, strict=True)) for r in self.rules],
            "notes": list(self.notes),
            "masked": self.masks,
            "whole": self.whole,
        }


def _lines(entries: Sequence[Explained]) -> Iterator[str]:
    wide = max(len(e.keyword) for e in entries)
    longest = max(len(e.told) for e in entries)
    for e in entries:
        section = f" (PS3.3 {e.section})" if e.section else ""
        checked = f"{e.checked}; " if e.checked else ""
        yield f"  {e.action:<15}  {e.keyword:<{wide}}  {e.told:<{longest}}  {checked}{e.reason}{section}"


def _told_of(image: Header, found: Explained) -> Explained:
    element = image.elements.get(found.tag)
    if element is None:
        return found
    return replace(found, value=written_out(element, image.encodings), details=details_in(image, found.tag))


def _in_full(entries: Sequence[Explained]) -> Iterator[str]:
    """Name, tag and value of each attribute, and the lines of its items below it."""
    for e in entries:
        yield f"  {e.action:<15}  {name_of(e.tag)}: {readable(e.tag, e.value)}".rstrip()
        yield from (f"  {'':<15}  {detail}" for detail in e.details)


def _folded(entries: Sequence[Explained]) -> list[Explained]:
    """Private attributes as one line."""
    private = [e for e in entries if e.tag >> 16 & 1]
    if len(private) < 2:
        return list(entries)
    first = private[0]
    one = Explained(
        first.tag, first.action, first.reason, "", first.entity, f"and {len(private) - 1} more private ones"
    )
    return [*(e for e in entries if not e.tag >> 16 & 1), one]
