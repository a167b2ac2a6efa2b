"""Where every attribute of a written instance comes from: pulled, recomputed, given, emptied; and what was dropped.

Works on the files alone; with the sources beside it, everything that was pulled is compared with them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from derive.authoring.decision import Entry
from derive.elements.element import keyword_of, tag_of
from derive.errors import DeriveError, UsageError
from derive.model.assumption import BY_ASSUMPTION, told
from derive.model.classes import made_class_uids
from derive.model.derivation import Derivation
from derive.model.functional_groups import macros as known_macros
from derive.model.source import SourceSeries
from derive.reading.files import Files
from derive.reading.header import Header
from derive.records.account import (
    PASSED,
    PULLED_OR_GIVEN,
    SourcedAccount,
    account_of,
    by_policy,
    derivation_of,
    rules_of_dropping,
    unexplained,
)
from derive.records.at_hand import sources_at_hand
from derive.records.contributors import description_of
from derive.records.corrections import told_corrections
from derive.records.details import details_in
from derive.records.explanation import Explained, Explanation
from derive.records.frames import images_of, macros_of
from derive.records.record import record_of
from derive.records.sources_tried import SourcesTried, frames_needed
from derive.records.written import (
    Gathered,
    distinct,
    entity_of,
    gather,
    one_series,
    tag_named,
)
from derive.told.wording import counted, flag


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

    Returns
    -------
    Explanation
        ``.in_full()`` tells all that the image in the middle says, items of sequences included. Frames of multi-frame
        instances are images whose macros are attributes; ``.of_frame(3)`` tells of one of them.

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
    instances = one_series(found, series)
    images = images_of(instances)
    tried, notes = _sources(paths, found, sources, images, assume or {})
    source, account, why_not = _accounted(tried, found, images)
    notes += [*why_not, *told_corrections(instances, show_values=show_values)]
    macros = frozenset(tag for instance in instances for tag in macros_of(instance))

    def of(frame: int | None) -> Explanation:
        chosen = images if frame is None else _numbered(images, frame)
        if account is not None:
            account.judge_only(frame)
        explanation = _Explaining(chosen, macros, source, account).explanation(tag, notes)
        return explanation if show_values else explanation.masked()

    return replace(of(None), by_frame=of)


def _accounted(
    tried: Iterable[SourceSeries], found: Gathered, images: Sequence[Header]
) -> tuple[SourceSeries | None, SourcedAccount | None, list[str]]:
    """Return the source by which most is as it is written, the account from it, and why there is none."""
    best: tuple[int, SourceSeries, SourcedAccount] | None = None
    first: SourceSeries | None = None
    why_not: list[str] = []
    for source in tried:
        first = first or source
        try:
            account = account_of(found.series(images[0].text("SeriesInstanceUID")), images, source)
            off = sum(account.check(tag).agrees is False for tag in account.entries)
        except DeriveError as error:
            why_not = why_not or [f"nothing is compared with the sources: {error.code}: {_first_line(error)}"]
            continue
        best = (off, source, account) if best is None or off < best[0] else best
        if not off:
            break
    return (best[1], best[2], []) if best else (first, None, why_not)


def _first_line(error: DeriveError) -> str:
    return error.message.partition("\n")[0]


def _numbered(images: Sequence[Header], number: int) -> list[Header]:
    """Return the frames of a number; one of each instance.

    Raises
    ------
    UsageError
        ``EXP-FRAME`` if no instance has so many.
    """
    chosen = [image for image in images if image.frame_number == number]
    if not chosen:
        most = max(image.frame_number for image in images)
        raise UsageError("EXP-FRAME", f"there is no frame {number}; wanted {flag('frame', 'N')} from 1 to {most}")
    return chosen


#: What tells whether it is so.
_SAME = "verify compares them, and diff what they say"


class _Explaining:
    """One explanation: the images, what they record, and their account where it can be made."""

    def __init__(
        self,
        images: list[Header],
        macros: frozenset[int],
        source: SourceSeries | None,
        account: SourcedAccount | None,
    ) -> None:
        self.images, self.macros, self.source, self.account = images, macros, source, account
        self.record = record = record_of(images[0])
        self.sop_class_uid = images[0].text("SOPClassUID")
        self.steps = record.steps
        if source is not None:
            self.steps = record.steps_since(source.text("DerivationDescription"))
        self.derivation = account.derivation if account else derivation_of(record, self.steps)
        if record.converted:
            self.derivation = Derivation(passes=True)
        self.made_here = record.by_derive or record.converted
        known = self.made_here and self.sop_class_uid in made_class_uids()
        self.policy: dict[int, Entry] = {}
        for image in images if known else ():
            referenced = bool(record.sources or record.converted_from)
            self.policy |= by_policy(self.sop_class_uid, self.derivation, image, referenced)
        for keyword in record.assumed_since("", images[0]) if known and source is None else ():
            tag = tag_of(keyword)
            if tag in self.policy and self.policy[tag].action == "pulled":
                self.policy[tag] = replace(self.policy[tag], action="given", reason=BY_ASSUMPTION)

    def explanation(self, tag: int | None, notes: list[str]) -> Explanation:
        """Explain all, or one attribute; of one that stands in a macro of the frames the macro."""
        tag = tag if tag is None or self._is_there(tag) else self._macro_with(tag)
        tags = sorted({t for image in self.images for t in image.tags} if tag is None else {tag})
        attributes = [self._explained(t) for t in tags if tag is not None or self._is_there(t)]
        dropped = self._dropped(tag)
        rules: list[tuple[str, str, str, str]] = []
        if self.account is None and self.made_here:
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
            middle=sorted(self.images, key=_scrolled)[len(self.images) // 2],
            instances=len({i.text("SOPInstanceUID") for i in self.images}),
        )

    def _macro_with(self, tag: int) -> int:
        """Return the macro that says an attribute, in its own keyword or as a single-frame image would; else itself."""
        for macro in sorted(self.macros):
            known = known_macros().get(macro)
            said = {tag_of(leaf.keyword) for leaf in known.leaves} if known else set()
            if tag in said or any(tag == d.tag for i in self.images for d in details_in(i, macro)):
                return macro
        return tag

    def _is_there(self, tag: int) -> bool:
        return any(tag in image.tags for image in self.images)

    def _explained(self, tag: int) -> Explained:
        found = self._without_details(tag)
        return replace(found, details=details_in(self.images[0], tag)) if tag in self.macros else found

    def _without_details(self, tag: int) -> Explained:
        entity = entity_of(tag, self.sop_class_uid)
        value, varies = self._value(tag)
        if not self._is_there(tag):
            why = "neither the images nor the source have it" if self.account else "the images do not have it"
            return Explained(tag, "absent", why, "", entity)
        if not self.made_here:
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
        if policy is None and self.record.converted:
            return Entry(tag, PULLED_OR_GIVEN, PASSED)
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


def _scrolled(image: Header) -> tuple[float, int]:
    return image.number("InstanceNumber") or 0.0, image.frame_number


def _sources(
    written: Files, found: Gathered, sources: Files | None, images: Sequence[Header], assume: Mapping[str, object]
) -> tuple[Iterable[SourceSeries], list[str]]:
    """Return what the source can have been, read one after another; or say why it is not at hand."""
    records = [record_of(image) for image in images]
    uid, needed = records[0].source_series, frames_needed(records)
    if records[0].converted:
        return [], [f"the pixels of {counted(len(records[0].referenced_uids), 'instance')} in another form: {_SAME}"]
    if not uid:
        return [], ["no source image is referenced"] if sources is not None else []
    at_hand = _gathered(written, found, sources, uid, needed)
    if isinstance(at_hand, str):
        return [], [at_hand]
    members = {i.text("SOPInstanceUID"): i for i in at_hand.headers if i.lenient.text("SeriesInstanceUID") == uid}
    of_source = next(map(description_of, members.values()), "")
    candidates = SourcesTried(members, needed, {**records[0].assumed_since(of_source, images[0]), **assume})
    if candidates.first is None:
        why = [*(u.reason for u in at_hand.unreadable if not members), candidates.error.partition("\n")[0]]
        return [], [f"the source series cannot be read: {why[0]}"]
    missing = set(records[0].source_uids) - members.keys()
    return candidates, [f"missing: {counted(len(missing), 'source image')}"] if missing else []


def _gathered(
    written: Files, found: Gathered, sources: Files | None, series: str, needed: Collection[str]
) -> Gathered | str:
    """Return the source images; or why they are not there."""
    try:
        at_hand = sources_at_hand(written, found, sources, series, needed)
    except DeriveError as error:
        return f"the source series cannot be read: {_first_line(error)}"
    return at_hand or (
        f"the sources are not at hand: nothing that was pulled is compared with them ({flag('sources')})"
    )
