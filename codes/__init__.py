"""Coded concepts and context groups of PS3.16, from a generated table.

>>> image_derivation = context_group(7203)
>>> image_derivation.find("GaussianBlur")
Code(value='113088', scheme='DCM', meaning='Gaussian blur', keyword='GaussianBlur')
>>> image_derivation.find("DCM:113088") == image_derivation.find("gaussian blur")
True

The table is ``context_groups.tsv``; ``README.md`` says where it comes from. Nothing outside this
package and the standard library is read.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from typing import NamedTuple, TypeVar

__all__ = ["EDITION", "Code", "ContextGroup", "LeftCode", "UnknownCode", "context_group", "context_groups"]

EDITION = "2026b"
"""Edition of PS3.16 that the context groups used for writing agree with; per group in ``groups.tsv``."""

_Entry = TypeVar("_Entry")


class Code(NamedTuple):
    """A coded concept (PS3.3 8.1).

    Attributes
    ----------
    value : str
        Code Value (0008,0100).
    scheme : str
        Coding Scheme Designator (0008,0102).
    meaning : str
        Code Meaning (0008,0104), as the standard writes it.
    keyword : str
        The meaning as one word, e.g. ``GaussianBlur``; unique within a context group.
    """

    value: str
    scheme: str
    meaning: str
    keyword: str

    def __str__(self) -> str:
        return f'({self.value}, {self.scheme}, "{self.meaning}")'


@dataclass(frozen=True)
class LeftCode:
    """A code that was in a context group and is no longer.

    Attributes
    ----------
    code : Code
        The code with its present meaning; it is still a valid concept.
    moved_to : tuple of str
        Numbers of the context groups that hold it now; empty when none does.
    former_meaning : str
        The meaning it had in the group.
    """

    code: Code
    moved_to: tuple[str, ...]
    former_meaning: str = ""


class UnknownCode(LookupError):  # noqa: N818 - reads as what was found, like the project's other errors
    """No code, or no context group, goes by that name.

    Attributes
    ----------
    code : str
        ``CODE-UNKNOWN``, ``CODE-LEFT`` or ``CODE-GROUP``.
    suggestions : tuple of str
        Keywords (or group numbers) that are near to what was asked for, best first.
    moved_to : tuple of str
        For a code that left the group, the context groups that hold it now.
    """

    def __init__(
        self, code: str, message: str, suggestions: tuple[str, ...] = (), moved_to: tuple[str, ...] = ()
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.suggestions = suggestions
        self.moved_to = moved_to


@dataclass(frozen=True)
class ContextGroup:
    """A context group of PS3.16 Annex B.

    Attributes
    ----------
    identifier : str
        Context Identifier (0008,010F), the bare number: ``"7203"``.
    uid : str
        Context UID (0008,0117).
    name : str
        Its title in the standard.
    version : str
        Context Group Version (0008,0106).
    extensible : bool
        Whether concepts may be added to it (PS3.16 7.2.3).
    codes : tuple of Code
        The current codes, included groups among them.
    left : tuple of LeftCode
        Codes that were in the group once.
    edition : str
        The newest edition of the standard that the codes were compared with.
    """

    identifier: str
    uid: str
    name: str
    version: str
    extensible: bool
    codes: tuple[Code, ...]
    left: tuple[LeftCode, ...]
    edition: str = EDITION

    def find(self, text: str) -> Code:
        """Return the current code with this value, keyword or meaning.

        Parameters
        ----------
        text : str
            A Code Value (``"113088"``, exact case), one with its scheme (``"DCM:113088"``), a keyword
            or a meaning (any case; for keywords spaces, ``-`` and ``_`` do not matter).

        Raises
        ------
        UnknownCode
            When the group has no such code; says what is near, and where a code that left went.
        """
        found = _look_up(self._index, text)
        if found is not None:
            return found
        left = _look_up(self._left_index, text)
        if left is not None:
            raise self._has_left(text, left)
        raise self._unknown(text)

    def __contains__(self, code: object) -> bool:
        """Tell whether a code is current in this group, by its value and scheme."""
        return isinstance(code, Code) and (code.value, code.scheme) in self._pairs

    def __iter__(self) -> Iterator[Code]:
        return iter(self.codes)

    def __len__(self) -> int:
        return len(self.codes)

    @cached_property
    def _pairs(self) -> frozenset[tuple[str, str]]:
        return frozenset((code.value, code.scheme) for code in self.codes)

    @cached_property
    def _index(self) -> dict[str, Code]:
        return _names([(code, code, (code.meaning,)) for code in self.codes])

    @cached_property
    def _left_index(self) -> dict[str, LeftCode]:
        return _names([(left, left.code, (left.code.meaning, left.former_meaning)) for left in self.left])

    def _has_left(self, text: str, left: LeftCode) -> UnknownCode:
        if left.moved_to:
            where = "it is now in " + ", ".join(f"CID {group}" for group in left.moved_to)
        else:
            where = "no context group holds it now, though the concept exists"
        return UnknownCode(
            "CODE-LEFT",
            f"{text!r}: {left.code} was in CID {self.identifier} {self.name} and has left it; {where}; "
            f"give one of the {len(self.codes)} current codes of CID {self.identifier}",
            moved_to=left.moved_to,
        )

    def _unknown(self, text: str) -> UnknownCode:
        near = _nearest(text, self.codes)
        hint = f"; nearest: {', '.join(near)}" if near else ""
        return UnknownCode(
            "CODE-UNKNOWN",
            f"CID {self.identifier} {self.name} has no code named {text!r}{hint}; "
            f"give one of its {len(self.codes)} keywords, values or meanings",
            suggestions=near,
        )


def context_group(identifier: str | int) -> ContextGroup:
    """Return a context group by its number.

    Parameters
    ----------
    identifier : str or int
        ``7203``, ``"7203"`` or ``"CID 7203"``.

    Raises
    ------
    UnknownCode
        When the table does not hold the group.
    """
    number = str(identifier).upper().removeprefix("CID").strip()
    groups = _groups()
    if number not in groups:
        known = tuple(groups)
        raise UnknownCode(
            "CODE-GROUP",
            f"the table holds no context group {identifier!r}; it holds CID {', '.join(known)}",
            suggestions=tuple(difflib.get_close_matches(number, known)),
        )
    return groups[number]


def context_groups() -> tuple[ContextGroup, ...]:
    """Return every context group of the table, by number."""
    return tuple(_groups().values())


@cache
def _groups() -> dict[str, ContextGroup]:
    current: dict[str, list[Code]] = {}
    left: dict[str, list[LeftCode]] = {}
    for cid, scheme, value, meaning, keyword, status, moved_to, former in _table("context_groups.tsv"):
        code = Code(value, scheme, meaning, keyword)
        if status == "current":
            current.setdefault(cid, []).append(code)
        else:
            groups = () if moved_to == "-" else tuple(moved_to.split(" "))
            left.setdefault(cid, []).append(LeftCode(code, groups, former))
    return {
        cid: ContextGroup(
            cid, uid, name, version, extensible == "Y", tuple(current[cid]), tuple(left.get(cid, ())), edition
        )
        for cid, name, uid, version, extensible, edition in _table("groups.tsv")
    }


def _table(name: str) -> list[list[str]]:
    # No quoting: a value such as [hnsf'U] is what it is.
    text = files(__name__).joinpath(name).read_text(encoding="utf-8")
    return [line.split("\t") for line in text.splitlines()[1:]]


def _names(entries: Iterable[tuple[_Entry, Code, tuple[str, ...]]]) -> dict[str, _Entry]:
    """Index entries by every name they answer to; of two with one name the first in the table answers."""
    index: dict[str, _Entry] = {}
    for entry, code, meanings in entries:
        values = (code.value, f"{code.scheme}:{code.value}")
        names = [f"value {value}" for value in values] + [f"keyword {_folded(code.keyword)}"]
        for name in names + [f"meaning {meaning.casefold()}" for meaning in meanings]:
            index.setdefault(name, entry)
    return index


def _look_up(index: dict[str, _Entry], text: str) -> _Entry | None:
    asked = text.strip()
    for name in (f"value {asked}", f"keyword {_folded(asked)}", f"meaning {asked.casefold()}"):
        if name in index:
            return index[name]
    return None


def _folded(keyword: str) -> str:
    return re.sub(r"[\s_-]", "", keyword).casefold()


def _nearest(text: str, codes: tuple[Code, ...]) -> tuple[str, ...]:
    keywords = {_folded(name): code.keyword for code in codes for name in (code.meaning, code.keyword)}
    near = difflib.get_close_matches(_folded(text), keywords, n=6, cutoff=0.5)
    return tuple(dict.fromkeys(keywords[name] for name in near))[:3]
