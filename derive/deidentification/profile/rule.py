"""A rule of the user's own: an address, a method, and its settings.

An address is read in every form that others write it in, and matches attributes at any depth: what stands in an item of
a sequence is the same attribute. A private attribute is addressed by who defines it (PS3.5 7.8.1), never by its block,
which every system that a file goes through may move.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import NamedTuple

from pydicom._dicom_dict import DicomDictionary, RepeatersDictionary
from pydicom.datadict import dictionary_VR
from pydicom.valuerep import VR

from derive.errors import UsageError
from derive.rewriting.stored import AttributePath, SequenceStep
from derive.standard import confidentiality_rows
from derive.told.wording import did_you_mean

#: ``(0010,0010)``, ``0010,0010``, ``00100010``, ``0x00100010``, with an x for any digit.
_TAG = re.compile(r"\(?\s*(?:0x)?([0-9A-Fa-fxX]{4})\s*,?\s*([0-9A-Fa-fxX]{4})\s*\)?")
#: ``(0029,"SIEMENS CSA HEADER",10)``: the element as two digits, or behind the xx of its block (PS3.15 E.3.10).
_PRIVATE = re.compile(
    r"\(?\s*(?:0x)?([0-9A-Fa-f]{4})\s*,\s*"
    r"(?:\"([^\"]+)\"|'([^']+)'|([^\"',()]+?))\s*,\s*(?:xx|0x)?([0-9A-Fa-fxX]{2}|\*)\s*\)?"
)
#: What stands between the sequences of a path; dots within quotes or brackets belong to a creator.
_STEP = re.compile(r"(\([^()]*(?:\"[^\"]*\"|'[^']*')?[^()]*\)|[^.()\"']+(?:\"[^\"]*\"|'[^']*')?[^.()\"']*)(?:\.|$)")
#: An x of a mask is any of these.
_ANY_DIGIT = "[0-9A-F]"
_FIRST_BLOCK = 0x1000


class _Step(NamedTuple):
    """What one step of a path asks: a tag by its eight digits, of some creator; or only a value representation."""

    digits: re.Pattern[str] | None
    creator: str
    vr: str

    def matches(self, tag: int, creator: str, vr: str) -> bool:
        if self.digits is None:
            return vr == self.vr
        if self.creator:
            # Without its block, which stands in the third pair of digits.
            return creator.strip(" \0") == self.creator and bool(self.digits.fullmatch(f"{tag & 0xFFFF00FF:08X}"))
        return bool(self.digits.fullmatch(f"{tag:08X}"))

    @property
    def first(self) -> SequenceStep:
        """The lowest tag that it matches; of a private one in the first block."""
        lowest = int(self.digits.pattern.replace(_ANY_DIGIT, "0"), 16) if self.digits else 0
        return SequenceStep(lowest | (_FIRST_BLOCK if self.creator else 0), self.creator)


@dataclass(frozen=True)
class Address:
    """Which attributes a rule is for.

    Parameters
    ----------
    text : str
        As it was given: a keyword, ``(0010,0010)``, ``0010,0010``, ``00100010``, a mask ``(50xx,xxxx)``, a VR
        (``PN``), a private attribute by its creator ``(0029,"SIEMENS CSA HEADER",10)`` (``xx`` for all of its block),
        and any of them behind the sequences that hold it, joined by a dot
        (``RequestAttributesSequence.AccessionNumber``). A dot in front: at the top level only.

    Raises
    ------
    UsageError
        ``DEID-ADDRESS`` for what names no attribute.
    """

    text: str
    _steps: tuple[_Step, ...] = field(init=False, repr=False, compare=False)
    _is_whole: bool = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        text = self.text.strip()
        object.__setattr__(self, "_is_whole", text.startswith("."))
        object.__setattr__(self, "_steps", tuple(_step(part, self.text) for part in _parts(text.removeprefix("."))))

    @property
    def known_vrs(self) -> tuple[str, ...]:
        """Value representations that its attributes have, as far as the dictionary knows them; none where it does not.

        Examples
        --------
        >>> [Address(text).known_vrs for text in ("PatientName", "DA", "PixelData", "(0010,xxxx)")]
        [('PN',), ('DA',), ('OB', 'OW'), ()]
        """
        last = self._steps[-1]
        if last.digits is None:
            return (last.vr,)
        try:
            return tuple(dictionary_VR(int(last.digits.pattern, 16)).split(" or ")) if not last.creator else ()
        except (ValueError, KeyError):
            return ()

    def matches(self, path: AttributePath) -> bool:
        """Whether an attribute is one of those."""
        last = self._steps[-1]
        if not last.matches(path.tag, path.creator, path.vr):
            return False
        wanted = self._steps[:-1]
        if len(path.above) < len(wanted) or (self._is_whole and len(path.above) != len(wanted)):
            return False
        above: tuple[SequenceStep, ...] = path.above[len(path.above) - len(wanted) :]
        return all(step.matches(*found, "SQ") for step, found in zip(wanted, above, strict=True))

    @property
    def place(self) -> tuple[SequenceStep, ...]:
        """The sequences and the attribute that it names; of a mask the first, of a private one in the first block.

        Raises
        ------
        UsageError
            ``DEID-ADDRESS`` for a value representation, which names no attribute.
        """
        if any(step.digits is None for step in self._steps):
            raise _none(self.text)
        return tuple(step.first for step in self._steps)

    def leads_through(self, path: AttributePath) -> bool:
        """Whether it is for attributes that stand inside of this sequence."""
        return any(self._ends_with(self._steps[: n + 1], path) for n in range(len(self._steps) - 1))

    def _ends_with(self, steps: tuple[_Step, ...], path: AttributePath) -> bool:
        places = (*path.above, SequenceStep(path.tag, path.creator))
        if len(places) < len(steps) or (self._is_whole and len(places) != len(steps)):
            return False
        found = places[len(places) - len(steps) :]
        return all(step.matches(*place, "SQ") for step, place in zip(steps, found, strict=True))


def _parts(text: str) -> list[str]:
    parts, at = [], 0
    while at < len(text):
        match = _STEP.match(text, at)
        if match is None:
            raise _none(text)
        parts.append(match[1].strip())
        at = match.end()
    if not parts or text.endswith("."):
        raise _none(text)
    return parts


def _step(text: str, whole: str) -> _Step:
    if found := _PRIVATE.fullmatch(text):
        return _private(found, whole)
    if found := _TAG.fullmatch(text):
        return _tag(found[1].upper() + found[2].upper(), whole)
    if text in _vrs():
        return _Step(None, "", text)
    digits = _keywords().get(text)
    if digits is None:
        raise _none(whole, did_you_mean(text, _keywords()))
    return _tag(digits, whole)


def _tag(digits: str, whole: str) -> _Step:
    odd = digits[3] in "13579BDF"
    if odd and digits[4:6] != "XX" and "X" not in digits[:4]:
        raise UsageError(
            "DEID-ADDRESS",
            f"{whole} is a private attribute by the block that it has in one file, which other systems move; "
            f'wanted its creator: ({digits[:4]},"WHO DEFINES IT",{digits[6:].lower()})',
        )
    return _Step(re.compile(digits.replace("X", _ANY_DIGIT)), "", "")


def _private(found: re.Match[str], whole: str) -> _Step:
    group, creator = found[1].upper(), (found[2] or found[3] or found[4]).strip()
    element = found[5].upper().replace("*", "XX")
    if not int(group, 16) & 1:
        raise UsageError("DEID-ADDRESS", f"{whole} has the even group {group}; private groups are odd (PS3.5 7.8.1)")
    return _Step(re.compile(f"{group}00{element}".replace("X", _ANY_DIGIT)), creator, "")


def _none(text: str, hint: str = "") -> UsageError:
    return UsageError(
        "DEID-ADDRESS",
        f"{text!r} names no attribute{hint}; wanted a keyword, (0010,0010), a mask (50xx,xxxx), a VR (PN), or a "
        'private attribute by its creator (0029,"SIEMENS CSA HEADER",10), each behind the sequences that hold it, '
        "joined by dots",
    )


@cache
def _vrs() -> frozenset[str]:
    return frozenset(str(vr) for vr in VR if len(vr) == 2)


@cache
def _keywords() -> dict[str, str]:
    """Tags by keyword, as eight digits; of repeating groups with an X for each digit that repeats.

    Attributes that are newer than the dictionary, by their name as one word (``NameToUse``).
    """
    rows = [row for row in confidentiality_rows() if not row.keyword]
    newer = {_one_word(row.name): f"{row.tag:08X}" for row in rows if row.tag is not None}
    single = {entry[4]: f"{tag:08X}" for tag, entry in DicomDictionary.items() if entry[4]}
    repeating = {entry[4]: mask.upper() for mask, entry in RepeatersDictionary.items() if entry[4]}
    return newer | repeating | single


def _one_word(name: str) -> str:
    return "".join(word[:1].upper() + word[1:] for word in re.split(r"\W+", name))


@dataclass(frozen=True)
class Rule:
    """What a person wants to become of some attributes.

    Parameters
    ----------
    address : Address
    method : str
        A name of :data:`derive.deidentification.methods.METHODS`.
    settings : mapping of str to object
        Of the method.
    told : str
        Where the rule stands, for the report: ``rule 3 of site.toml``.
    why : str
        The reason that its author gives.
    """

    address: Address
    method: str
    settings: Mapping[str, object] = field(default_factory=dict, hash=False)
    told: str = "rule"
    why: str = ""
