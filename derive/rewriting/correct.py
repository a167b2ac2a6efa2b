"""One instance corrected, with the old values inside; and a correction taken back to the last byte."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from pydicom.charset import default_encoding
from pydicom.datadict import dictionary_VM, dictionary_VR

from derive.elements.element import Element, keyword_of, tag_of
from derive.elements.encoding import encode
from derive.elements.instance import encodings_named
from derive.elements.legal import problem
from derive.errors import UsageError
from derive.rewriting.file import Part, StoredFile
from derive.rewriting.history import HISTORY, CorrectionNote, Previous, corrections, with_item, without_newest
from derive.rewriting.reason import COERCE
from derive.rewriting.rewrite import encoded
from derive.rewriting.splice import elements_of, exchanged, part_of
from derive.rewriting.stored import StoredDataSet
from derive.standard import AttributeRule

_CHARACTER_SET = tag_of("SpecificCharacterSet")
_COERCED = tag_of("InstanceCoercionDateTime")


def corrected(
    stored: StoredFile, new: Mapping[int, bytes | None], note: CorrectionNote, charset: str = ""
) -> tuple[Part, ...] | None:
    """Return an instance with other attributes, and what they were (PS3.3 C.12.1.1.9).

    Parameters
    ----------
    stored : StoredFile
    new : mapping tag -> bytes or None
        Whole elements of the top level, encoded as the file is; None takes one out.
    note : CorrectionNote
    charset : str
        Specific Character Set in which the old values are, where the file does not say it.

    Returns
    -------
    tuple of Part or None
        A whole file; None where nothing of it would change.

    Raises
    ------
    UsageError
        ``COR-ENCODING`` where it could not be taken back to the last byte.
    """
    there = {tag: part_of(stored.head, tag) for tag in new}
    changed = {tag: part for tag, part in new.items() if part != there[tag]}
    if not changed:
        return None
    if note.reason == COERCE:
        changed[_COERCED] = encoded(encode("InstanceCoercionDateTime", note.datetime), implicit=stored.implicit)
        there[_COERCED] = part_of(stored.head, _COERCED)
    before = {tag: part for tag in changed if (part := there[tag]) is not None}
    declared = stored.head.elements.get(_CHARACTER_SET)
    charset = "" if declared is not None and declared.stripped() == charset.encode() else charset
    said = encodings_named(charset.split("\\")) if charset else stored.instance.encodings
    illegal = frozenset(tag for tag in before if _is_illegal(stored, tag, said))
    previous = Previous(before, illegal, frozenset(changed.keys() - before.keys()), charset.encode())
    new_parts = {**changed, HISTORY: with_item(stored, previous, note, _encodings(stored, changed))}
    _refuse_irreversible(stored, new_parts)
    return exchanged(stored, new_parts)


def _refuse_irreversible(stored: StoredFile, new: Mapping[int, bytes | None]) -> None:
    """Refuse what would not come back: an element out of the order of the tags that goes has no place any more."""
    after = replace(stored, head=StoredDataSet.of(b"".join(elements_of(stored.head, new)), implicit=stored.implicit))
    back = elements_of(after.head, _before(after, 1))
    if b"".join(back) != b"".join(elements_of(stored.head, {})):
        text = "cannot be taken back byte for byte, since elements are out of order, or stand twice"
        raise UsageError("COR-ENCODING", f"{stored.name} {text}; have it written anew by another tool first")


def undone(stored: StoredFile, count: int = 1) -> tuple[Part, ...]:
    """Return an instance as it was before its newest corrections.

    Raises
    ------
    UsageError
        ``COR-UNDO`` where there are not so many.
    """
    return exchanged(stored, _before(stored, count))


def _before(stored: StoredFile, count: int) -> dict[int, bytes | None]:
    return {**restored(stored, count), HISTORY: without_newest(stored, count)}


def restored(stored: StoredFile, count: int) -> dict[int, bytes | None]:
    """Return the elements that an instance had before its newest corrections; None for those that it had not."""
    found = corrections(stored)
    before: dict[int, bytes | None] = {}
    for correction in reversed(found[len(found) - count :]):
        before |= correction.before
        before |= dict.fromkeys(correction.added)
    return before


def _encodings(stored: StoredFile, changed: Mapping[int, bytes | None]) -> Sequence[str]:
    """Return the character sets of the instance afterwards."""
    if _CHARACTER_SET not in changed:
        return stored.instance.encodings
    part = changed[_CHARACTER_SET]
    value = part[8:] if part else b""  # a CS has a head of eight bytes in either encoding
    return encodings_named(value.strip(b" \0").decode("ascii", "replace").split("\\")) or (default_encoding,)


def _is_illegal(stored: StoredFile, tag: int, encodings: Sequence[str]) -> bool:
    """Whether the value of an attribute is none of its value representation, whatever its IOD asks."""
    element = next((stored.head.element(s) for s in stored.head.stored() if s.tag == tag), None)
    if element is None or element.vr == "SQ" or tag >> 16 & 1:
        return False
    return problem(element, _rule(element), (), encodings) is not None


def _rule(element: Element) -> AttributeRule:
    try:
        vr, vm = dictionary_VR(element.tag), dictionary_VM(element.tag)
    except KeyError:
        vr, vm = element.vr, "1-n"
    return AttributeRule(keyword_of(element.tag), element.tag, vr, str(vm), "3", "", "", ())
