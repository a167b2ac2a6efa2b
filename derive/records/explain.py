"""Where every attribute of a written instance comes from: pulled, recomputed, given, emptied; and what was dropped.

Works on the files alone; with the sources beside it, everything that was pulled is compared with them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path
from typing import Any

from derive.authoring.assemble import Entry
from derive.elements.confidential import MASKED, NOTE, masked
from derive.elements.element import keyword_of, tag_of
from derive.errors import DeriveError
from derive.model.assumption import BY_ASSUMPTION, told
from derive.model.classes import made_class_uids
from derive.model.source import SourceSeries
from derive.reading.files import Files
from derive.reading.header import Header
from derive.records.account import SourcedAccount, account_of, by_policy, derivation_of, rules_of_dropping, unexplained
from derive.records.at_hand import sources_at_hand
from derive.records.record import Record, RecordedStep, record_of
from derive.records.written import (
    ENTITIES,
    Gathered,
    class_name,
    distinct,
    entity_of,
    gather,
    one_series,
    tag_named,
)
from derive.wording import counted, flag


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

    @property
    def keyword(self) -> str:
        """Keyword, or (gggg,eeee)."""
        return keyword_of(self.tag)

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

    @property
    def differing(self) -> tuple[Explained, ...]:
        """What is not as the sources make it."""
        return tuple(e for e in (*self.attributes, *self.dropped) if e.agrees is False)

    def __str__(self) -> str:
        """Return aligned lines for people."""
        lines = [*self._head()]
        by_entity = sorted(self.attributes, key=lambda e: ENTITIES.index(e.entity))
        for entity, entries in groupby(by_entity, key=lambda e: e.entity):
            lines += ["", entity, *_lines(list(entries))]
        if self.dropped:
            lines += ["", "Dropped of the source", *_lines(_folded(self.dropped))]
        elif self.rules:
            lines += ["", "Dropped, if the source has it"]
            lines += [f"  {m + ' ' + k:<48}  {r} (PS3.3 {s})" for m, k, r, s in self.rules]
        return "\n".join(lines)

    def masked(self) -> Explanation:
        """Return the same without the values that tell whose images they are."""
        attributes = tuple(replace(e, value=masked(e.tag, e.value)) for e in self.attributes)
        return replace(self, attributes=attributes, steps=tuple(s.shown for s in self.steps))

    @property
    def masks(self) -> bool:
        """Whether any value is masked."""
        return any(e.value == MASKED for e in self.attributes) or any(s.text == MASKED for s in self.steps)

    def _head(self) -> Iterator[str]:
        yield f"{counted(self.images, 'image')} of {class_name(self.sop_class_uid)}, series {self.series_instance_uid}"
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
        yield from (f"note     {n}" for n in self.notes)
        if self.masks:
            yield f"note     {NOTE}; {flag('show_values')} shows them"

    def to_json(self) -> dict[str, Any]:
        """Return everything, for programs."""
        software = [s._asdict() for s in (self.record.software, *self.record.contributing)]
        return {
            "schema": "derive-explain/1",
            "images": self.images,
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
        }


def explain(
    written: Files,
    *,
    sources: Files | None = None,
    keyword: str | None = None,
    series: str | None = None,
    assume: Mapping[str, object] | None = None,
    show_values: bool = False,
) -> Explanation:
    """Say of every attribute of an instance, or of the instances of a series, where it comes from.

    Parameters
    ----------
    written : path, or iterable of paths
        Folder, zip archive or files.
    sources : path, or iterable of paths, optional
        Where the source images are; without, they are looked for in `written` and in the folders beside it.
    keyword : str, optional
        One attribute only, ``SliceThickness`` or ``0018,0050``.
    series : str, optional
        Series Instance UID, where `written` holds several series.
    assume : mapping keyword -> value, optional
        What the sources do not say, beyond what the series records that somebody said (see :func:`derive.read`).
    show_values : bool
        Whether also values are shown that tell whose images they are (PS3.15 E.1.1); else they are masked.

    Raises
    ------
    SourceError
        ``SRC-NONE``, ``SRC-SERIES``, ``SRC-MISSING``.
    UsageError
        ``EXP-KEYWORD`` for a keyword that does not exist.
    """
    tag = None if keyword is None else tag_named(keyword)
    paths = [written] if isinstance(written, str | Path) else list(written)
    found = gather(paths)
    images = one_series(found, series)
    record = record_of(images[0])
    source, notes = _source(paths, found, sources, images, assume or {})
    account, why_not = None, ""
    if source is not None:
        try:
            account = account_of(found.series(images[0].text("SeriesInstanceUID")), images, source)
        except DeriveError as error:
            why_not = f"nothing is compared with the sources: {error.code}: {error.message.partition(chr(10))[0]}"
    explanation = _Explaining(images, record, source, account).explanation(tag, [*notes, *filter(None, [why_not])])
    return explanation if show_values else explanation.masked()


class _Explaining:
    """One explanation: the images, what they record, and their account where it can be made."""

    def __init__(
        self, images: list[Header], record: Record, source: SourceSeries | None, account: SourcedAccount | None
    ) -> None:
        self.images, self.record, self.source, self.account = images, record, source, account
        self.sop_class_uid = images[0].text("SOPClassUID")
        self.steps = record.steps
        if source is not None:
            self.steps = record.steps_since(source.text("DerivationDescription"))
        self.derivation = account.derivation if account else derivation_of(record, self.steps)
        known = record.by_derive and self.sop_class_uid in made_class_uids()
        self.policy: dict[int, Entry] = {}
        for image in images if known else ():
            self.policy |= by_policy(self.sop_class_uid, self.derivation, image, bool(record.sources))
        for keyword in record.assumed_since("", images[0]) if known and source is None else ():
            tag = tag_of(keyword)
            if tag in self.policy and self.policy[tag].action == "pulled":
                self.policy[tag] = replace(self.policy[tag], action="given", reason=BY_ASSUMPTION)

    def explanation(self, tag: int | None, notes: list[str]) -> Explanation:
        """Explain all, or one attribute."""
        tags = sorted({t for image in self.images for t in image.tags} if tag is None else {tag})
        attributes = [self._explained(t) for t in tags if tag is not None or self._is_there(t)]
        dropped = self._dropped(tag)
        rules: list[tuple[str, str, str, str]] = []
        if self.account is None and self.record.by_derive:
            rules = [r for r in rules_of_dropping(self.sop_class_uid, self.derivation) if tag is None]
        if tag is not None and dropped:
            attributes = []
        return Explanation(
            len(self.images),
            self.sop_class_uid,
            self.images[0].text("SeriesInstanceUID"),
            self.record,
            self.steps,
            len(self.source.frames) if self.source else None,
            tuple(attributes),
            tuple(dropped),
            tuple(rules),
            tuple(notes),
            told(self.source.assumed if self.source else self.record.assumed_since("", self.images[0])),
        )

    def _is_there(self, tag: int) -> bool:
        return any(tag in image.tags for image in self.images)

    def _explained(self, tag: int) -> Explained:
        entity = entity_of(tag, self.sop_class_uid)
        value, varies = self._value(tag)
        if not self._is_there(tag):
            why = "neither the images nor the source have it" if self.account else "the images do not have it"
            return Explained(tag, "absent", why, "", entity)
        if not self.record.by_derive:
            why = f"as {self.record.software} wrote it: no step of derive is recorded"
            return Explained(tag, "unexplained", why, "", entity, value, varies)
        entry = self._entry(tag)
        if entry is None or (entry.action in ("dropped", "not in this IOD")):
            entry = unexplained(tag, self.sop_class_uid)
            said = (entry.action, entry.reason, entry.section)
            return Explained(tag, *said, entity, value, varies)
        check = self.account.check(tag) if self.account and tag in self.account.entries else None
        action, reason = entry.action, entry.reason
        if check and check.agrees is False and keyword_of(tag) in ("SeriesDescription", "SeriesNumber"):
            return Explained(tag, "given", "the text given", entry.section, entity, value, varies)
        agrees, checked = (check.agrees, check.text) if check else (None, "")
        return Explained(tag, action, reason, entry.section, entity, value, varies, checked, agrees)

    def _entry(self, tag: int) -> Entry | None:
        """What the account says; what follows from pixels, which nobody looked at, is in none: by the policy."""
        policy = self.policy.get(tag)
        if self.account is None:
            return policy
        return self.account.entries.get(tag, policy if policy and policy.action == "recomputed" else None)

    def _value(self, tag: int) -> tuple[str, bool]:
        values = distinct(self.images, tag)
        return (values[0], False) if len(values) == 1 else (f"{len(values)} values: {values[0]} ...", True)

    def _dropped(self, tag: int | None) -> list[Explained]:
        """What of the source is not in the images."""
        if self.account is None:
            return []
        found = []
        for entry in self.account.entries.values():
            if self._is_there(entry.tag) or (tag is not None and entry.tag != tag):
                continue
            if self.source is None or entry.tag not in self.source.tags | self.source.illegal.keys():
                continue
            found.append(self._of_source(entry))
        return found

    def _of_source(self, entry: Entry) -> Explained:
        entity = entity_of(entry.tag, self.sop_class_uid)
        gone = entry.action in ("dropped", "not in this IOD") or entry.varies or entry.action == "recomputed"
        if gone:
            action = "dropped" if entry.action != "not in this IOD" else entry.action
            return Explained(entry.tag, action, entry.reason, entry.section, entity)
        assert self.account is not None, "only sources have something to drop"
        check = self.account.check(entry.tag)
        if check.agrees is not False:
            return Explained(entry.tag, "dropped", entry.reason, entry.section, entity)
        why = f"{entry.reason}; yet it is not there: removed since"
        return Explained(entry.tag, "unexplained", why, entry.section, entity, "", False, check.text, False)


def _source(
    written: Files, found: Gathered, sources: Files | None, images: Sequence[Header], assume: Mapping[str, object]
) -> tuple[SourceSeries | None, list[str]]:
    """Read the source; or say why it is not at hand."""
    image = images[0]
    record = record_of(image)
    uid = record.source_series
    if not uid:
        return None, ["no source image is referenced"] if sources is not None else []
    try:
        needed = {source for i in images for source in record_of(i).source_uids}
        at_hand = sources_at_hand(written, found, sources, uid, needed)
        if at_hand is None:
            return None, [
                f"the sources are not at hand: nothing that was pulled is compared with them ({flag('sources')})"
            ]
        members = (i for i in at_hand.instances if i.text("SeriesInstanceUID") == uid)
        of_source = next((i.text("DerivationDescription") for i in members), "")
        source = at_hand.series(uid, {**record.assumed_since(of_source, image), **assume})
    except DeriveError as error:
        return None, [f"the source series cannot be read: {error.message.partition(chr(10))[0]}"]
    missing = set(record.source_uids) - {r.sop_instance_uid for r in source.references}
    return source, [f"missing: {counted(len(missing), 'source image')}"] if missing else []


def _lines(entries: Sequence[Explained]) -> Iterator[str]:
    wide = max(len(e.keyword) for e in entries)
    longest = max(len(e.value) for e in entries)
    for e in entries:
        section = f" (PS3.3 {e.section})" if e.section else ""
        checked = f"{e.checked}; " if e.checked else ""
        yield f"  {e.action:<15}  {e.keyword:<{wide}}  {e.value:<{longest}}  {checked}{e.reason}{section}"


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
