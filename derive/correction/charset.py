"""Texts of an object in another character set, at every depth; or said what they are in where the object does not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydicom.charset import default_encoding
from pydicom.dataelem import DataElement

from derive.elements.charset import fits, known_sets, named_set, transcode
from derive.elements.element import Element, keyword_of, tag_of
from derive.elements.encoding import decode, encode, value_bytes
from derive.elements.instance import encodings_named
from derive.errors import UsageError, ValuesError
from derive.rewriting.change import AttributeChange
from derive.rewriting.file import StoredFile
from derive.rewriting.history import HISTORY
from derive.rewriting.nested import NestedPath, rebuilt
from derive.rewriting.rewrite import encoded
from derive.rewriting.splice import elements_of
from derive.rewriting.stored import StoredDataSet, StoredElement
from derive.standard.vr import CHARSET_VRS
from derive.told.wording import flag

CHARACTER_SET = tag_of("SpecificCharacterSet")


@dataclass(frozen=True)
class CharacterSet:
    """What character set an object gets, and which it has where it does not say one.

    Parameters
    ----------
    wanted : str
        Specific Character Set afterwards, several values joined by a backslash; empty for that which it has.
    text_is : str
        What bytes are in of an object that declares none.

    Raises
    ------
    UsageError
        ``COR-CHARSET`` for a name that the standard does not have.
    """

    wanted: str = ""
    text_is: str = ""

    def __post_init__(self) -> None:
        for name in ("wanted", "text_is"):
            object.__setattr__(self, name, _named(getattr(self, name)))

    def before(self, stored: StoredFile) -> str:
        """Return the character set in which the texts of an object are."""
        declared = stored.instance.element("SpecificCharacterSet")
        if declared is None or not declared.stripped() or not known_sets(declared):
            return self.text_is
        return "\\".join(stored.instance.texts("SpecificCharacterSet"))

    def after(self, stored: StoredFile) -> str:
        """Return the character set that an object has afterwards."""
        return self.wanted or self.before(stored)

    def encodings(self, stored: StoredFile) -> Sequence[str]:
        """Return the Python names of those afterwards."""
        return _encodings(self.after(stored))

    def parts(self, stored: StoredFile, parts: Mapping[int, bytes | None]) -> dict[int, bytes | None]:
        """Return the whole elements that change, those that others change left as these are.

        Raises
        ------
        UsageError
            ``COR-CHARSET`` for text that a set cannot decode, or say; ``COR-HISTORY`` for an object whose older
            corrections hold text that would be read in the new one.
        """
        before, after = self.before(stored), self.after(stored)
        there = stored.instance.element("SpecificCharacterSet")
        if (self.wanted or self.text_is) and (there is None or there.stripped().decode("ascii", "replace") != after):
            new = AttributeChange(NestedPath((), CHARACTER_SET), encode("SpecificCharacterSet", after.split("\\")))
            assert new.new is not None
            parts = {**parts, CHARACTER_SET: encoded(new.new, implicit=stored.implicit)}
        if not self.wanted or before == after:
            return dict(parts)
        sets = (_encodings(before), _encodings(after))
        changed = {
            s.tag: _part(stored.head, s, sets, stored)
            for s in stored.head.stored()
            if s.tag not in parts and s.tag != CHARACTER_SET
        }
        if HISTORY in changed and changed[HISTORY] is not None:
            raise UsageError(
                "COR-HISTORY",
                f"older corrections of {stored.name} hold text in {before or 'no set'}, and are never touched; take "
                f"them back first ({flag('undo')})",
            )
        return {**parts, **{tag: part for tag, part in changed.items() if part is not None}}


def _named(text: str) -> str:
    """Return a character set by the standard's name of it; the command line spells blanks as underscores."""
    if not text:
        return ""
    element = encode("SpecificCharacterSet", text.replace("ISO_IR_", "ISO_IR ").split("\\"))
    named = element if known_sets(element) else named_set(element)
    if named is None:
        known = "ISO_IR_192 (UTF-8), ISO_IR_100 (Latin-1), GB18030, ISO_IR_13, ..."
        raise UsageError(
            "COR-CHARSET", f"{text[:40]!r} is no Specific Character Set (PS3.3 C.12.1.1.2); there are {known}"
        )
    return named.stripped().decode()


def _encodings(named: str) -> tuple[str, ...]:
    return encodings_named(named.split("\\")) or (default_encoding,)


_Sets = tuple[Sequence[str], Sequence[str]]


def _part(dataset: StoredDataSet, stored: StoredElement, sets: _Sets, of: StoredFile) -> bytes | None:
    """Return an element with its texts in the other character set; None where it is the same."""
    if stored.vr == "SQ":
        return _sequence(dataset, stored, sets, of)
    value = dataset.data[stored.value : stored.end]
    if stored.vr not in CHARSET_VRS or _is_plain(value):
        return None
    element = Element(stored.tag, stored.vr, value)
    return encoded(transcoded(element, sets, of.name), implicit=not dataset.written_vr(stored))


def _is_plain(value: bytes) -> bool:
    """Whether a text is the same in all character sets."""
    return value.isascii() and b"\x1b" not in value


def _sequence(dataset: StoredDataSet, stored: StoredElement, sets: _Sets, of: StoredFile) -> bytes | None:
    bodies: dict[int, bytes] = {}
    for number, item in enumerate(dataset.items(stored)):
        own = item.elements.get(CHARACTER_SET)
        named = encodings_named(own.stripped().decode("ascii", "replace").split("\\")) if own else ()
        inside = (named or sets[0], sets[1])
        new: dict[int, bytes | None] = {
            s.tag: p for s in item.stored() if (p := _part(item, s, inside, of)) is not None
        }
        if own is not None:
            new[CHARACTER_SET] = None
        if new:
            bodies[number] = b"".join(elements_of(item, new))
    return rebuilt(dataset, stored, bodies) if bodies else None


def transcoded(element: Element, sets: _Sets, name: str) -> Element:
    """Return the same text in another character set.

    Raises
    ------
    UsageError
        ``COR-CHARSET`` for text that the first of the sets cannot decode, or the second cannot say.
    """
    before, after = sets
    keyword = keyword_of(element.tag)
    if element.vr != "SQ" and (element.vr not in CHARSET_VRS or _is_plain(element.value)):
        return element
    try:  # the default is ASCII alone (PS3.5 6.1.2.1); as Latin-1 it would be a guess
        plain = transcode(element, ["ascii"] if tuple(before) == (default_encoding,) else before)
    except ValuesError as error:
        message = (
            f"the text of {keyword} in {name} is not in its character set; say what it is ({flag('text_is', 'NAME')})"
        )
        raise UsageError("COR-CHARSET", message) from error
    if tuple(after) == _encodings("ISO_IR 192"):
        return plain
    value = decode(plain, ["utf_8"])
    many = value if hasattr(value, "__iter__") and not isinstance(value, str) and element.vr != "PN" else [value]
    if not all(fits(str(text), after) for text in many):
        raise UsageError("COR-CHARSET", f"the character set that is wanted cannot say the text of {keyword} in {name}")
    return Element(element.tag, element.vr, value_bytes(DataElement(element.tag, element.vr, value), after))
