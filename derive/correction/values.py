"""What a person sets: text to an attribute's value, judged before anything is written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from pydicom.datadict import dictionary_VM, dictionary_VR

from derive import standard
from derive.correction.paths import path_of
from derive.elements.charset import fits, is_text
from derive.elements.element import Element, keyword_of
from derive.elements.encoding import encode
from derive.elements.instance import Instance
from derive.elements.legal import problem
from derive.errors import UsageError
from derive.model.functional_groups import PER_FRAME, SHARED, macros
from derive.rewriting.change import AttributeChange
from derive.rewriting.file import StoredFile
from derive.rewriting.nested import NestedPath
from derive.standard import AttributeRule
from derive.standard.vr import CHARSET_VRS, TEXT_VRS
from derive.told.wording import spoken

#: What says of one instance what changes in it; the character sets are those that it has afterwards.
Corrector = Callable[[StoredFile, Sequence[str]], list[AttributeChange]]
_WHOLE = frozenset({"US", "UL", "UV", "SS", "SL", "SV"})


@dataclass(frozen=True)
class Assignments:
    """Attributes that are set, and those that are taken out.

    Parameters
    ----------
    values : mapping NestedPath -> str
        Several values of one attribute are joined by a backslash.
    removed : tuple of NestedPath
    """

    values: Mapping[NestedPath, str]
    removed: tuple[NestedPath, ...] = ()

    def __call__(self, stored: StoredFile, encodings: Sequence[str]) -> list[AttributeChange]:
        """Say what changes in an instance.

        Raises
        ------
        UsageError
            ``COR-VALUE``, ``COR-CHARSET``, ``COR-REFUSED`` for what this class of object makes of it.
        """
        for path in (*self.values, *self.removed):
            refuse_computed(path, stored)
        for path in self.values:
            _refuse_of_frames(path, stored)
        for path in self.removed:
            _refuse_required(path, stored)
        changes = [
            AttributeChange(path, element_of(path, text, stored, encodings)) for path, text in self.values.items()
        ]
        return [*changes, *(AttributeChange(path, None) for path in self.removed)]


def assignments_of(values: Mapping[str, Any], removed: Iterable[str]) -> Assignments:
    """Read what is set and taken out, and refuse what no object could have.

    Raises
    ------
    UsageError
        ``COR-KEYWORD``, ``COR-PATH``, ``COR-REFUSED``, ``COR-TWICE``, ``COR-CHARSET``.
    """
    found = {path_of(name): _text(value) for name, value in values.items()}
    gone = tuple(path_of(name) for name in removed)
    if both := [path.text for path in gone if path in found]:
        raise UsageError("COR-TWICE", f"{both[0]} is set and taken out; say one of them")
    for path, text in found.items():
        _refuse(path, "vr", dictionary_VR(path.tag))
        _refuse(path, "keyword", keyword_of(path.tag))
        if not is_text(text):
            raise UsageError("COR-CHARSET", f"{path.text} holds bytes that are no characters; give it as UTF-8")
    for path in gone:
        _refuse(path, "keyword", keyword_of(path.tag))
        _refuse(path, "vr", "UI" if dictionary_VR(path.tag) == "UI" else "")
    return Assignments(found, gone)


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, Iterable):
        return "\\".join(map(str, value))
    return "" if value is None else str(value)


@cache
def unsettable() -> Mapping[tuple[str, str], str]:
    """Return why an attribute cannot be set, by what it is: its VR, a module of it, or itself."""
    text = files(__package__).joinpath("unsettable.tsv").read_text(encoding="utf-8")
    rows = (line.split("\t") for line in text.splitlines()[1:])
    return {(what, name): why for what, name, why in rows}


def _refuse(path: NestedPath, what: str, name: str) -> None:
    why = unsettable().get((what, name))
    if why:
        raise UsageError("COR-REFUSED", f"{path.text} cannot be corrected: {spoken(why)}")


def refuse_computed(path: NestedPath, stored: StoredFile) -> None:
    """Refuse an attribute of a module of this object that describes its pixels.

    Raises
    ------
    UsageError
        ``COR-REFUSED``.
    """
    tags = (*(tag for tag, _ in path.above), path.tag)
    for rule in standard.rules_of(stored.sop_class_uid, tags) or ():
        _refuse(path, "module", rule.module)


def _refuse_of_frames(path: NestedPath, stored: StoredFile) -> None:
    """Refuse at the top what a multi-frame object says of its frames: nobody would read it there (C.7.6.16)."""
    if path.above or standard.rules_of(stored.sop_class_uid, (path.tag,)):
        return
    where = next(_places_in_groups(path.tag, stored.instance.lenient), "")
    if where:
        raise UsageError("COR-REFUSED", f"{path.text} is said of the frames of {stored.name}, as {where}")


def _places_in_groups(tag: int, instance: Instance) -> Iterator[str]:
    """Give the paths to what says an attribute of a frame in the first item of its functional groups."""
    for place in map(keyword_of, (SHARED, PER_FRAME)):
        for item in instance.items(place)[:1]:
            for macro in (m for t in item.elements if (m := macros().get(t)) is not None):
                for leaf in (leaf for leaf in macro.leaves if leaf.keyword == keyword_of(tag)):
                    yield "".join(f"{k}[0]." for k in (place, macro.sequence, *leaf.path[:-1])) + leaf.path[-1]


def _refuse_required(path: NestedPath, stored: StoredFile) -> None:
    tags = (*(tag for tag, _ in path.above), path.tag)
    kind = standard.type_of(stored.sop_class_uid, tags)
    if kind in ("1", "2"):
        empty = "; it may be set to nothing" if kind == "2" else ""
        raise UsageError("COR-REFUSED", f"{path.text} is of type {kind} in {stored.name}, and has to be there{empty}")


def element_of(path: NestedPath, text: str, stored: StoredFile, encodings: Sequence[str]) -> Element:
    """Return the value of an attribute as an element of an instance.

    Parameters
    ----------
    path : NestedPath
    text : str
    stored : StoredFile
        The instance: its class says which values are enumerated, its pixels whether numbers have a sign.
    encodings : sequence of str
        Python names of the character sets that it has afterwards.

    Raises
    ------
    UsageError
        ``COR-CHARSET`` for text that they cannot say; ``COR-VALUE`` for what is no value of the attribute.
    """
    keyword, vr = keyword_of(path.tag), dictionary_VR(path.tag)
    if vr in CHARSET_VRS and not fits(text, encodings):
        raise UsageError(
            "COR-CHARSET",
            spoken(
                f"the character set of {stored.name} cannot say the text of {path.text}; "
                "{flag:character_set ISO_IR_192} encodes all of its texts anew"
            ),
        )
    try:
        element = encode(keyword, _value(vr, text), encodings, stored.instance.integer("PixelRepresentation") == 1)
    except Exception as error:  # pydicom raises whatever a value causes that is none
        raise UsageError("COR-VALUE", f"{path.text} ({vr}) cannot be this value ({type(error).__name__})") from error
    fault = problem(element, _rule(path, stored), _listed(path, stored), encodings)
    if fault:
        raise UsageError("COR-VALUE", f"{path.text} ({vr}): {fault}")
    if not element.stripped() and not path.above and standard.type_of(stored.sop_class_uid, (path.tag,)) == "1":
        raise UsageError("COR-VALUE", f"{path.text} is of type 1 in {stored.name}, and cannot be empty")
    return element


def _value(vr: str, text: str) -> Any:
    """Return text as pydicom takes it for a VR."""
    if vr in TEXT_VRS or vr == "PN":
        return text
    parts = text.split("\\") if text else []
    if vr == "AT":
        return [path_of(part).tag for part in parts]
    return [int(part) if any(v in _WHOLE for v in vr.split(" or ")) else float(part) for part in parts]


def _rule(path: NestedPath, stored: StoredFile) -> AttributeRule:
    vr, vm = dictionary_VR(path.tag), dictionary_VM(path.tag)
    return AttributeRule(keyword_of(path.tag), path.tag, vr, str(vm), "3", "", "Patient", ())


def _listed(path: NestedPath, stored: StoredFile) -> tuple[standard.ValueRule, ...]:
    if path.above or not standard.supported(stored.sop_class_uid):
        return ()
    return standard.values(standard.iod(stored.sop_class_uid).name, keyword_of(path.tag))
