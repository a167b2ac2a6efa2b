"""What becomes of the elements of one object, asked by the walk; decided once for all objects of a kind."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from derive.deidentification.engine.cleaned import Cleaned
from derive.deidentification.engine.decide import Question, decided, structure
from derive.deidentification.engine.here import Here
from derive.deidentification.engine.marks import APPENDED, claims_of, marks
from derive.deidentification.engine.references import References
from derive.deidentification.engine.ruling import Ruling
from derive.deidentification.line.caution import Caution
from derive.deidentification.methods import METHODS
from derive.deidentification.private.claims import CHARACTERISTICS, characteristics
from derive.deidentification.private.decide import private_ruling
from derive.deidentification.private.safe import private_vr
from derive.deidentification.private.told import stands_twice, told
from derive.deidentification.profile.profile import Profile, options
from derive.deidentification.run.run import Run
from derive.deidentification.text.content import CONTENT_SEQUENCES, item_action
from derive.elements.element import Element, tag_of
from derive.elements.instance import Instance, encodings_named
from derive.elements.spans import spans_of
from derive.rewriting.file import StoredFile
from derive.rewriting.rewrite import Act, Fate, encoded
from derive.rewriting.stored import AttributePath, SequenceStep, StoredDataSet, StoredElement
from derive.standard.vr import TEXT_VRS

_CHARACTER_SET, _SOP_INSTANCE = tag_of("SpecificCharacterSet"), tag_of("SOPInstanceUID")
#: What becomes of an attribute that the cleaning of pixels has written anew.
_REPLACED = Fate(Act.DROP, AttributePath(0, ""))
#: Cleaners of sequences whose items are decided one by one.
_BY_ITEM = frozenset({options()["structured-content"].cleaner})
#: What is remembered is given up beyond so many places: objects may say new things for ever.
_MOST_SCOPES = 1 << 14


class Decided(NamedTuple):
    """What became of an attribute, for the report: never its value.

    Parameters
    ----------
    path : str
    action, method, why : str
        As in :class:`Ruling`.
    """

    path: str
    action: str
    method: str
    why: str


class _Key(NamedTuple):
    """What decisions depend on, but for the attribute itself."""

    sop_class_uid: str
    characteristics: bytes
    above: tuple[SequenceStep, ...] = ()
    forced: str = ""
    item: Ruling | None = None


class _Known(NamedTuple):
    """What is known of an attribute when it is met again."""

    ruling: Ruling
    type: str | None
    decided: Decided
    is_safe: bool


class _Scope:
    """What is remembered of the attributes of a place."""

    def __init__(self, key: _Key) -> None:
        self.key = key
        self.fates: dict[tuple[int, str, str], Fate] = {}


class _Within(NamedTuple):
    """A data set that is gone through: its place, its character sets, who has which block, whether references stay."""

    scope: _Scope
    encodings: tuple[str, ...]
    blocks: dict[tuple[int, str], int]
    top: bool = False
    keeps_references: bool = False


class Scopes:
    """What is remembered over all objects of a run.

    Parameters
    ----------
    profile : Profile
    run : Run
    """

    def __init__(self, profile: Profile, run: Run) -> None:
        self.profile, self.run = profile, run
        self._scopes: dict[_Key, _Scope] = {}

    def scope(self, key: _Key) -> _Scope:
        """Return what is remembered of the same place in objects of the same kind."""
        scope = self._scopes.get(key)
        if scope is None:
            if len(self._scopes) >= _MOST_SCOPES:
                self._scopes.clear()
            scope = self._scopes[key] = _Scope(key)
        return scope


class ObjectChanges:
    """What becomes of the elements of one object (:class:`derive.rewriting.rewrite.Changes`)."""

    def __init__(self, scopes: Scopes, stored: StoredFile, cleaned: Cleaned | None) -> None:
        self._scopes, self._instance, self.cleaned = scopes, stored.instance, cleaned
        self._replaced = cleaned.elements if cleaned and cleaned.changed else {}
        self._vouched = cleaned is not None and cleaned.vouched
        self.claims = claims_of(scopes.profile, vouched=self._vouched, keeps_intervals=scopes.run.dates.keeps_intervals)
        held = stored.head.elements.get(CHARACTERISTICS)
        key = _Key(stored.sop_class_uid, held.value if held else b"")
        self._references = References(stored.sop_class_uid, scopes.run.uids)
        stay = not scopes.run.uids.removes_external
        self.top = _Within(scopes.scope(key), self._instance.encodings, {}, top=True, keeps_references=stay)
        self._implicit = stored.implicit
        self.found: dict[Decided, None] = {}
        self._safe: dict[AttributePath, None] = {}
        self.cautions: dict[Caution, None] = {}
        self.marked = True
        self.sop_instance = b""

    def fate(self, within: _Within, element: StoredElement) -> Fate:
        """Return what becomes of an attribute: what was decided when it was met first."""
        tag, vr, creator, *_ = element
        scope = within.scope
        if within.top and tag in self._replaced:
            return _REPLACED
        fate = scope.fates.get((tag, vr, creator))
        if fate is None:
            fate = scope.fates[tag, vr, creator] = self._fate(scope.key, element)
        if fate.why is not None:
            self.found[fate.why.decided] = None
            if fate.why.is_safe and fate.act in (Act.KEEP, Act.TEXT, Act.ITEMS):
                self._safe[fate.path] = None
            if creator and fate.act is not Act.DROP:
                self._note_block(within, tag, creator)
        return fate

    def _note_block(self, within: _Within, tag: int, creator: str) -> None:
        """Remember which block a creator has, and say it where it has two (PS3.5 7.8.1)."""
        if within.blocks.setdefault((tag >> 16, creator), tag >> 8) != tag >> 8:
            self.cautions[stands_twice(tag >> 16)] = None

    def _fate(self, key: _Key, element: StoredElement) -> Fate:
        profile = self._scopes.profile
        path = _path(element, key.above, profile)
        if path.is_creator:
            return Fate(Act.CREATOR, path)
        question = Question(path, self._instance, profile, key.sop_class_uid, key.forced, key.item)
        if path.tag == CHARACTERISTICS and not key.above and profile.is_confidential:
            return Fate(Act.DROP, path)  # what is left of the private attributes is told anew
        ruling = decided(question)
        said = Decided(told(path, profile), ruling.action, ruling.method, ruling.why)
        is_safe = path.is_private and ruling == private_ruling(path, profile, self._instance)
        return Fate(_act(ruling, path.vr), path, _Known(ruling, question.type, said, is_safe))

    def value(self, within: _Within, fate: Fate, element: Element) -> Element | None:
        """Have its method change an attribute."""
        ruling, kind, _, is_safe = fate.why
        here = Here(fate.path, self._instance, within.encodings, kind, self._scopes.run, ruling.settings)
        before = element if element.vr == fate.path.vr else element._replace(vr=fate.path.vr)
        after = METHODS[ruling.method].change(before, here)
        if is_safe and after is not None:
            self._safe[fate.path] = None
        return element if after is before else after

    def item(self, within: _Within, fate: Fate, item: StoredDataSet, among: list[StoredDataSet]) -> _Within | None:
        """Return what is remembered of the attributes of an item; None where a content item or a reference goes."""
        key, stay = within.scope.key, within.keeps_references
        if not stay and self._references.go_out(item, fate.path.tags):
            if not self._references.must_stay(among, fate.path.tags):
                return None
            stay = True
        above = (*fate.path.above, SequenceStep(fate.path.tag, fate.path.creator))
        named = item.elements.get(_CHARACTER_SET)
        own = encodings_named(named.stripped().decode("ascii", "replace").split("\\")) if named else ()
        encodings = own or within.encodings
        ruling = None
        if fate.path.tag in CONTENT_SEQUENCES:
            content = Instance("an item", item.elements, strict=False, around=encodings)
            ruling = item_action(fate.path, content, self._instance, self._scopes.profile)
            if ruling is not None and ruling.action == "X":
                return None
        inner = key._replace(above=above, forced=_forced(fate.why.ruling, fate.path, key.forced), item=ruling)
        return _Within(self._scopes.scope(inner), encodings, {}, keeps_references=stay)

    def emptied(self, fate: Fate) -> bool:
        """Whether a sequence may stand without items: of type 2, or of a type that nobody knows."""
        return fate.why.type in ("2", "2C", None)

    def added(self, within: _Within, done: Mapping[int, bytes]) -> Iterable[Element]:
        """Return the marks of the object, and what the cleaning of its pixels says."""
        if not within.top or self.marked:
            return ()
        self.sop_instance = _value(done.get(_SOP_INSTANCE, b""), implicit=self._implicit)
        items = {
            keyword: _items(done[tag], implicit=self._implicit) for tag, keyword in APPENDED.items() if tag in done
        }
        profile = self._scopes.profile
        safe = characteristics(self._safe) if profile.is_confidential else None
        return [
            *marks(profile, self.claims, self._instance, items, vouched=self._vouched),
            *([safe] if safe is not None else []),
            *(element for element in self._replaced.values() if element is not None),
        ]


def _path(element: StoredElement, above: tuple[SequenceStep, ...], profile: Profile) -> AttributePath:
    """Return where an attribute stands; of a private one whose VR the file does not tell, what is known of it.

    The site's word and the table come before other dictionaries, which know some attributes in one block alone, and
    some by another value representation (2026-11-30: ELSCINT1 (01F1,xx26), DS in PS3.15, FD in pydicom's).
    """
    tag, vr, creator, *_ = element
    if creator and vr == "UN":
        known = private_vr(tag >> 16, creator, tag & 0xFF, profile.private)
        vr = known if known != "SQ" else vr  # its bytes are no items
    return AttributePath(tag, vr, creator, above)


def _act(ruling: Ruling, vr: str) -> Act:
    """What the walk does for a ruling."""
    if ruling.method == "remove":
        return Act.DROP
    if vr == "SQ":
        return Act.EMPTY if ruling.method == "redact" else Act.ITEMS
    if ruling.method == "keep":
        return Act.TEXT if vr in TEXT_VRS else Act.KEEP
    return Act.VALUE


def _forced(ruling: Ruling, path: AttributePath, outer: str) -> str:
    """Return what a sequence asks of its content."""
    if structure().get(path.tag) == "structure":
        return ""
    if ruling.action == "D":
        return "D"
    if ruling.action == "C":
        return "" if ruling.method in _BY_ITEM else ruling.method
    return outer


def _value(part: bytes, *, implicit: bool) -> bytes:
    """Return the value of an encoded element; empty without one."""
    spans = spans_of(part, 0, len(part), implicit, set())[0] if part else []
    return part[spans[0][3] : spans[0][4]] if spans else b""


def _items(part: bytes, *, implicit: bool) -> list[bytes]:
    """Return the items of an encoded sequence, encoded as Explicit VR Little Endian."""
    whole = StoredDataSet.of(part, implicit=implicit)
    stored = whole.stored()[0]
    return [
        encoded_item(b"".join(encoded(item.element(e), implicit=False) for e in item.stored()))
        for item in whole.items(stored)
    ]


def encoded_item(body: bytes) -> bytes:
    """Return an item of a sequence with its length."""
    return struct.pack("<HHL", 0xFFFE, 0xE000, len(body)) + body
