"""Where results go below the output: a folder a series, named after what the source says of itself.

*2026-12-01, the source names the folder.* It is known before anything runs, so that a dry run can say it and two runs
agree on it, while the number of a result is chosen when it is made. Where results are de-identified the source may
name nothing, and the result does.

*2026-12-01, what collides.* Whatever several series of a run would share, all of them leave: each gets a mark of its
own behind the name, that follows from its UID and its rule. So the name does not depend on who was first, and nothing
is ever overwritten.
"""

from __future__ import annotations

import hashlib
import re
import string
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import PurePosixPath
from typing import Self

from pydicom.datadict import dictionary_VR, keyword_dict

from derive.deidentification.line.layout import fit
from derive.errors import UsageError
from derive.told.wording import did_you_mean

#: Layouts by name.
LAYOUTS: Mapping[str, str] = {
    "tree": "{PatientID}/{StudyInstanceUID}/{SeriesInstanceUID}",
    "flat": "{SeriesInstanceUID}",
    "uid": "{StudyInstanceUID}/{SeriesInstanceUID}",
}
#: Where nobody says otherwise.
LAYOUT = "tree"
#: Of the plan, and no attribute: the name of the rule.
RULE = "rule"
_NUMBERS = frozenset({"IS", "US", "SS", "UL", "SL", "DS", "FL", "FD"})
_WIDTH = re.compile(r"0?[1-9]?d")
#: No attribute that names people or places well is longer; UIDs have 64.
_DEEPEST = 12


@dataclass(frozen=True)
class ResultLayout:
    """How folders of results are called.

    Parameters
    ----------
    text : str
        Keywords between braces, numbers with a width (``{SeriesNumber:04d}``), a slash between folders; or ``tree``,
        ``flat`` or ``uid``.
    """

    text: str = LAYOUT
    parts: tuple[str, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "parts", tuple(LAYOUTS.get(self.text, self.text).split("/")))

    @classmethod
    def checked(cls, text: str, where: str) -> Self:
        """Return a layout that stays below the output.

        Raises
        ------
        UsageError
            ``PLAN-LAYOUT`` for what climbs out, names nothing, or has a keyword that the standard does not have.
        """
        layout = cls(text)
        climbing = [
            p for p in layout.parts if p.strip(" .") == "" or "\\" in p or p.startswith("~") or ":" in _plain(p)
        ]
        if climbing or len(layout.parts) > _DEEPEST:
            wanted = "folders with a name each and a slash between them, below the output"
            raise UsageError("PLAN-LAYOUT", f"{where}: layout {text!r:.80} leads elsewhere; wanted {wanted}")
        try:
            fields = [f for part in layout.parts for f in _fields(part)]
        except ValueError as error:
            raise UsageError("PLAN-LAYOUT", f"{where}: layout {text!r:.80} cannot be read: {error}") from None
        if not fields:
            names = ", ".join(LAYOUTS)
            raise UsageError("PLAN-LAYOUT", f"{where}: layout {text!r:.80} names no attribute, nor one of {names}")
        for keyword, width in fields:
            _check_field(keyword, width, where)
        return layout

    @cached_property
    def keywords(self) -> frozenset[str]:
        """The attributes that it asks for."""
        return frozenset(k for part in self.parts for k, _ in _fields(part)) - {RULE}

    def folder(self, facts: Mapping[str, str], rule: str = "") -> PurePosixPath:
        """Return the folder of a series, relative to the output: whatever the facts hold, it stays below.

        Parameters
        ----------
        facts : mapping keyword -> text
            Of several values the first one names it.
        rule : str
            Name of the rule.
        """
        said = {**facts, RULE: rule}
        return PurePosixPath(*(_filled(part, said) for part in self.parts))


def marked(folder: PurePosixPath, *of: str) -> PurePosixPath:
    """Return a folder with a mark behind its name that follows from what it is of."""
    digest = hashlib.sha256("\n".join(of).encode()).hexdigest()[:8]
    return folder.with_name(f"{folder.name}-{digest}")


def _fields(part: str) -> Iterator[tuple[str, str]]:
    for _, keyword, width, conversion in string.Formatter().parse(part):
        if conversion:
            raise ValueError("there are no conversions")
        if keyword is not None:
            yield keyword, width or ""


def _plain(part: str) -> str:
    """What stands outside of braces."""
    return re.sub(r"\{[^{}]*\}", "", part)


def _check_field(keyword: str, width: str, where: str) -> None:
    if keyword == RULE and not width:
        return
    if keyword not in keyword_dict or dictionary_VR(keyword) == "SQ":
        hint = did_you_mean(keyword, [*keyword_dict, RULE])
        raise UsageError("PLAN-LAYOUT", f"{where}: the standard has no attribute {keyword!r:.80} for a name{hint}")
    if width and (not _WIDTH.fullmatch(width) or dictionary_VR(keyword) not in _NUMBERS):
        example = "{SeriesNumber:04d}"
        raise UsageError("PLAN-LAYOUT", f"{where}: {keyword}:{width} is no width of a number; wanted as in {example}")


def _filled(part: str, facts: Mapping[str, str]) -> str:
    """Fill one name; what an attribute holds can be no more than a part of it."""
    words, first = [], "unnamed"
    for literal, keyword, width, _ in string.Formatter().parse(part):
        words.append(literal)
        if keyword is not None:
            first = f"no_{keyword}"
            words.append(_named(facts.get(keyword, "").split("\\")[0].strip(), width or "", first))
    return fit("".join(words), first)


def _named(value: str, width: str, otherwise: str) -> str:
    if width:
        try:
            return format(int(float(value)), width)
        except (ValueError, OverflowError):
            return fit(value, otherwise)
    return fit(value, otherwise)
