"""The engine: one object in, the same object without what has to go, with all that it says of that.

An object goes through once. What becomes of an attribute is decided once for all objects of a class
(:mod:`~derive.deidentification.decide`) and remembered; only what changes is decoded.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple, Protocol

from pydicom.uid import DeflatedExplicitVRLittleEndian

from derive.deidentification.caution import Caution
from derive.deidentification.decide import Question, decided, structure
from derive.deidentification.here import Here
from derive.deidentification.marks import APPENDED, Claims, claims_of, marks
from derive.deidentification.methods import METHODS
from derive.deidentification.private.claims import CHARACTERISTICS, characteristics
from derive.deidentification.private.decide import private_ruling
from derive.deidentification.private.safe import private_vr
from derive.deidentification.private.told import stands_twice, told
from derive.deidentification.profile import Profile, options
from derive.deidentification.ruling import Ruling
from derive.deidentification.run import Run
from derive.deidentification.text.content import CONTENT_SEQUENCES, item_action
from derive.elements.element import Element, tag_of
from derive.elements.instance import Instance, encodings_named
from derive.elements.spans import Short, Unusual, spans_of
from derive.errors import SourceError
from derive.rewriting.file import Part, StoredFile, deflated
from derive.rewriting.rewrite import Act, Fate, encoded, spliced
from derive.rewriting.stored import AttributePath, SequenceStep, StoredDataSet, StoredElement
from derive.writing.part10 import file_start

_CHARACTER_SET, _SOP_CLASS, _SOP_INSTANCE = map(tag_of, ("SpecificCharacterSet", "SOPClassUID", "SOPInstanceUID"))
_MEDIA_CLASS, _MEDIA_INSTANCE = tag_of("MediaStorageSOPClassUID"), tag_of("MediaStorageSOPInstanceUID")
#: What becomes of an attribute that the cleaning of pixels has written anew.
_REPLACED = Fate(Act.DROP, AttributePath(0, ""))
#: Cleaners of sequences whose items are decided one by one.
_BY_ITEM = frozenset({options()["structured-content"].cleaner})
_DEFAULT_SYNTAX = "1.2.840.10008.1.2.1"


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


@dataclass(frozen=True)
class Deidentified:
    """An object that went through.

    Parameters
    ----------
    parts : tuple of Part
        A Part 10 file, one after the other.
    sop_instance_uid : str
        The new one.
    transfer_syntax : str
    decisions : tuple of Decided
        In the order in which attributes stand; of objects with the same decisions the same tuple.
    claims : Claims
    head : bytes
        What stands before Pixel Data.
    implicit : bool
        Whether that is Implicit VR.
    cautions : tuple of Caution
        What was odd on the way, and a person has to know.
    """

    parts: tuple[Part, ...] = field(repr=False)
    sop_instance_uid: str
    transfer_syntax: str
    decisions: tuple[Decided, ...] = field(repr=False)
    claims: Claims
    head: bytes = field(repr=False)
    implicit: bool
    cautions: tuple[Caution, ...] = ()

    @cached_property
    def elements(self) -> Mapping[int, Element]:
        """What the object says of itself afterwards; standard attributes only."""
        return StoredDataSet(self.head, tuple(spans_of(self.head, 0, len(self.head), self.implicit, set())[0])).elements


class Cleaned(Protocol):
    """What became of the pixels of an object (``pixels``)."""

    @property
    def changed(self) -> bool:
        """Whether anything was blanked; what follows is asked only then."""

    @property
    def value(self) -> bytes:
        """Pixel Data; of encapsulated fragments with the delimiter behind them."""

    @property
    def vr(self) -> str:
        """Value representation of that."""

    @property
    def encapsulated(self) -> bool:
        """Whether it is made of fragments."""

    @property
    def transfer_syntax(self) -> str:
        """Transfer syntax afterwards."""

    @property
    def elements(self) -> Mapping[int, Element | None]:
        """Attributes that say it, by their tag; None for those that go."""

    @property
    def vouched(self) -> bool:
        """Whether a deterministic method, or a person, answers for them."""


class Deidentifier:
    """De-identifies objects, and remembers what it decided.

    Parameters
    ----------
    profile : Profile
    run : Run
    """

    def __init__(self, profile: Profile, run: Run) -> None:
        self.profile, self.run = profile, run
        self._scopes: dict[tuple[object, ...], _Scope] = {}
        self._decisions: dict[tuple[Decided, ...], tuple[Decided, ...]] = {}

    def file(self, stored: StoredFile, cleaned: Cleaned | None = None) -> Deidentified:
        """De-identify an object.

        Parameters
        ----------
        stored : StoredFile
        cleaned : Cleaned, optional
            What became of its pixels; they pass as they are where nobody looked after them.

        Raises
        ------
        SourceError
            ``SRC-UNREADABLE`` for an object without attributes, or with sequences that are none.
        ValuesError
            ``DEID-VALUE`` for a new value that the object's character set cannot say.
        """
        if not stored.head.spans:
            raise SourceError("SRC-UNREADABLE", f"{stored.name} holds no attributes; take it out")
        changes = _Changes(self, stored, cleaned)
        try:
            # What stays behind the pixels is known before the marks are made, which stand before them.
            tail = spliced(stored.tail, changes.top, changes, implicit=stored.implicit)
            behind, changes.found, changes.marked = changes.found, {}, False
            head = spliced(stored.head, changes.top, changes, implicit=stored.implicit)
            changes.found.update(behind)
        except (Unusual, Short, struct.error) as error:
            message = f"{stored.name} has a sequence that is none; it is read anew by another way, or taken out"
            raise SourceError("SRC-UNREADABLE", message) from error
        return self._result(stored, changes, (head, _pixels(stored, cleaned), tail))

    def _result(
        self, stored: StoredFile, changes: _Changes, bodies: tuple[list[bytes], list[Part], list[bytes]]
    ) -> Deidentified:
        head, pixels, tail = bodies
        cleaned = changes.cleaned
        syntax = (cleaned.transfer_syntax if cleaned and cleaned.changed else stored.transfer_syntax) or _DEFAULT_SYNTAX
        data = b"".join(head)
        body: list[Part] = [data, *pixels, *tail]
        if syntax == DeflatedExplicitVRLittleEndian:
            body = [deflated([part for part in body if isinstance(part, bytes)])]
        uid = changes.sop_instance
        sop_class = stored.sop_class_uid.encode()
        repeated = {_MEDIA_CLASS: sop_class + b"\0" * (len(sop_class) % 2), _MEDIA_INSTANCE: uid}
        start = file_start(repeated, syntax)
        found = tuple(changes.found)
        return Deidentified(
            (start, *body),
            uid.rstrip(b" \0").decode("ascii", "replace"),
            syntax,
            self._decisions.setdefault(found, found),
            changes.claims,
            data,
            stored.implicit,
            tuple(changes.cautions),
        )

    def scope(self, key: _Key) -> _Scope:
        """Return what is remembered of the same place in objects of the same kind."""
        scope = self._scopes.get(key)
        if scope is None:
            scope = self._scopes[key] = _Scope(key)
        return scope


def _pixels(stored: StoredFile, cleaned: Cleaned | None) -> list[Part]:
    """Return Pixel Data as it passes, or as it was cleaned."""
    if stored.pixels is None:
        return []
    if cleaned is None or not cleaned.changed:
        return [stored.pixels.head, stored.pixels.value]
    length = 0xFFFFFFFF if cleaned.encapsulated else len(cleaned.value)
    if stored.implicit:
        return [struct.pack("<HHL", 0x7FE0, 0x0010, length), cleaned.value]
    return [struct.pack("<HH2sHL", 0x7FE0, 0x0010, cleaned.vr.encode(), 0, length), cleaned.value]


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
    """A data set that is gone through: what is remembered of its place, its character sets, and who has which block."""

    scope: _Scope
    encodings: tuple[str, ...]
    blocks: dict[tuple[int, str], int]
    top: bool = False


class _Changes:
    """What becomes of the elements of one object (:class:`derive.rewriting.rewrite.Changes`)."""

    def __init__(self, engine: Deidentifier, stored: StoredFile, cleaned: Cleaned | None) -> None:
        self._engine, self._instance, self.cleaned = engine, stored.instance, cleaned
        self._replaced = cleaned.elements if cleaned and cleaned.changed else {}
        self._vouched = cleaned is not None and cleaned.vouched
        self.claims = claims_of(engine.profile, vouched=self._vouched)
        held = stored.head.elements.get(CHARACTERISTICS)
        key = _Key(stored.sop_class_uid, held.value if held else b"")
        self.top = _Within(engine.scope(key), self._instance.encodings, {}, top=True)
        self._implicit = stored.implicit
        self.found: dict[Decided, None] = {}
        self._safe: dict[AttributePath, None] = {}
        self.cautions: dict[Caution, None] = {}
        self.marked = True
        self.sop_instance = b""

    def fate(self, within: _Within, element: StoredElement) -> Fate:
        tag, vr, creator, *_ = element
        scope = within.scope
        if within.top and tag in self._replaced:
            return _REPLACED
        fate = scope.fates.get((tag, vr, creator))
        if fate is None:
            fate = scope.fates[tag, vr, creator] = self._fate(scope.key, element)
        if fate.why is not None:
            self.found[fate.why.decided] = None
            if fate.why.is_safe and fate.act in (Act.KEEP, Act.ITEMS):
                self._safe[fate.path] = None
            if (
                creator
                and fate.act is not Act.DROP
                and within.blocks.setdefault((tag >> 16, creator), tag >> 8) != tag >> 8
            ):
                self.cautions[stands_twice(tag >> 16)] = None
        return fate

    def _fate(self, key: _Key, element: StoredElement) -> Fate:
        profile = self._engine.profile
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
        ruling, kind, _, is_safe = fate.why
        here = Here(fate.path, self._instance, within.encodings, kind, self._engine.run, ruling.settings)
        before = element if element.vr == fate.path.vr else element._replace(vr=fate.path.vr)
        after = METHODS[ruling.method].change(before, here)
        if is_safe and after is not None:
            self._safe[fate.path] = None
        return element if after is before else after

    def item(self, within: _Within, fate: Fate, item: StoredDataSet) -> _Within | None:
        key = within.scope.key
        above = (*fate.path.above, SequenceStep(fate.path.tag, fate.path.creator))
        named = item.elements.get(_CHARACTER_SET)
        own = encodings_named(named.stripped().decode("ascii", "replace").split("\\")) if named else ()
        encodings = own or within.encodings
        ruling = None
        if fate.path.tag in CONTENT_SEQUENCES:
            content = Instance("an item", item.elements, strict=False, around=encodings)
            ruling = item_action(fate.path, content, self._instance, self._engine.profile)
            if ruling is not None and ruling.action == "X":
                return None
        inner = key._replace(above=above, forced=_forced(fate.why.ruling, fate.path, key.forced), item=ruling)
        return _Within(self._engine.scope(inner), encodings, {})

    def emptied(self, fate: Fate) -> bool:
        return fate.why.type in ("2", "2C", None)

    def added(self, within: _Within, done: Mapping[int, bytes]) -> Iterable[Element]:
        if not within.top or self.marked:
            return ()
        self.sop_instance = done.get(_SOP_INSTANCE, b"")[8:]  # a UI has a head of eight bytes in either encoding
        items = {
            keyword: _items(done[tag], implicit=self._implicit) for tag, keyword in APPENDED.items() if tag in done
        }
        profile = self._engine.profile
        safe = characteristics(self._safe) if profile.is_confidential else None
        return [
            *marks(profile, self.claims, self._instance, items, vouched=self._vouched),
            *([safe] if safe is not None else []),
            *(element for element in self._replaced.values() if element is not None),
        ]


def _path(element: StoredElement, above: tuple[SequenceStep, ...], profile: Profile) -> AttributePath:
    """Return where an attribute stands; of a private one whose VR the file does not tell, what is known of it."""
    tag, vr, creator, *_ = element
    if vr == "UN" and creator:
        known = private_vr(tag >> 16, creator, tag & 0xFF, profile.private)
        vr = known if known != "SQ" else vr  # its bytes are no items
    return AttributePath(tag, vr, creator, above)


def _act(ruling: Ruling, vr: str) -> Act:
    """What the walk does for a ruling."""
    if ruling.method == "remove":
        return Act.DROP
    if vr == "SQ":
        return Act.EMPTY if ruling.method == "redact" else Act.ITEMS
    return Act.KEEP if ruling.method == "keep" else Act.VALUE


def _forced(ruling: Ruling, path: AttributePath, outer: str) -> str:
    """Return what a sequence asks of its content."""
    if structure().get(path.tag) == "structure":
        return ""
    if ruling.action == "D":
        return "D"
    if ruling.action == "C":
        return "" if ruling.method in _BY_ITEM else ruling.method
    return outer if ruling.why == "beyond the table" else ""


def _items(part: bytes, *, implicit: bool) -> list[bytes]:
    """Return the items of an encoded sequence, encoded as Explicit VR Little Endian."""
    whole = StoredDataSet(part, tuple(spans_of(part, 0, len(part), implicit, set())[0]))
    stored = whole.stored()[0]
    return [
        encoded_item(b"".join(encoded(item.element(e), implicit=False) for e in item.stored()))
        for item in whole.items(stored)
    ]


def encoded_item(body: bytes) -> bytes:
    """Return an item of a sequence with its length."""
    return struct.pack("<HHL", 0xFFFE, 0xE000, len(body)) + body
