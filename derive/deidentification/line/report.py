"""The report: what became of every attribute of every object, what a person has to know, and what was claimed.

It holds no value of a file, no key, and nothing that leads from a new name back to an old one: whoever gets the objects
may get the report.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from derive.deidentification.line.account import Accounts, Shortcoming
from derive.deidentification.line.caution import Caution
from derive.deidentification.line.survey import Other
from derive.deidentification.profile.profile import BASIC_CODE, Profile, options
from derive.deidentification.text.identifiers import Identifier
from derive.elements.element import shown_class
from derive.told.wording import counted
from derive.version import MODEL, VERSION

SCHEMA = "derive-deidentification/1"
#: So many names or risks stand in the short text.
_SHOWN = 5
#: Words of fewer characters are in every name of a file.
_SHORTEST = 3
_WORDS = re.compile(r"[\W_]+")


class ObjectRecord(NamedTuple):
    """What became of one object.

    Parameters
    ----------
    file : str
        Its new name, below the target.
    sop_class : str
        UID.
    account : int
        Which of the accounts is its own.
    risks : tuple of Caution
    blanked : tuple of str
        What said what was blanked in its pixels.
    faults : tuple of Shortcoming
        Why it is in quarantine, or its series.
    state : str
        ``published``; ``quarantined`` for its own faults or those of its series; ``withheld`` where another object of
        its series was refused.
    """

    file: str
    sop_class: str
    account: int
    risks: tuple[Caution, ...] = ()
    blanked: tuple[str, ...] = ()
    faults: tuple[Shortcoming, ...] = ()
    state: str = "published"


class SeriesCounts(NamedTuple):
    """How many series were published, had been published by an earlier run, and were not published."""

    published: int = 0
    there_already: int = 0
    quarantined: int = 0
    withheld: int = 0


_NO_SERIES = SeriesCounts()


@dataclass(frozen=True)
class DeidentificationReport:
    """What a run did.

    Parameters
    ----------
    folder : Path
        The target.
    profile : Profile
    objects : tuple of ObjectRecord
    accounts : Accounts
    codes : mapping of str to int
        How many objects claim a code of CID 7050.
    unclaimed : mapping of (option, why) to int
        Options that were asked for and are not claimed, with the number of objects.
    refused, skipped : tuple of Other
        Objects without a new file; of a series with a refused one nothing is published.
    others : tuple of Other
        What is no object, or cannot be read.
    notes : tuple of str
        How text was cleaned, and what of a configuration was not followed.
    of_the_set : tuple of Shortcoming
        What only all objects together show.
    series : SeriesCounts
    consistent : bool
        Whether another run gives the same UIDs, dates and names.
    verified, dry_run : bool
    """

    folder: Path
    profile: Profile
    objects: tuple[ObjectRecord, ...]
    accounts: Accounts = field(repr=False)
    codes: Mapping[str, int]
    unclaimed: Mapping[tuple[str, str], int]
    refused: tuple[Other, ...] = ()
    skipped: tuple[Other, ...] = ()
    others: tuple[Other, ...] = ()
    notes: tuple[str, ...] = ()
    of_the_set: tuple[Shortcoming, ...] = ()
    series: SeriesCounts = _NO_SERIES
    consistent: bool = False
    verified: bool = True
    dry_run: bool = False

    @property
    def published(self) -> tuple[ObjectRecord, ...]:
        """Objects that are in the target."""
        return tuple(o for o in self.objects if o.state == "published")

    @property
    def quarantined(self) -> tuple[ObjectRecord, ...]:
        """Objects that are not published for their own faults or for those of their series."""
        return tuple(o for o in self.objects if o.state == "quarantined")

    @property
    def unread(self) -> tuple[Other, ...]:
        """What is DICOM, or may be, and cannot be read."""
        return tuple(o for o in self.others if o.code)

    @property
    def ok(self) -> bool:
        """Whether everything that was found is published, or was left out as asked."""
        return not (self.quarantined or self.refused or self.unread or self.of_the_set)

    @property
    def exit_code(self) -> int:
        """0; 1 if something is not published."""
        return 0 if self.ok else 1

    @property
    def risks(self) -> Mapping[Caution, int]:
        """What a person has to know, with the number of objects."""
        return Counter(risk for o in self.objects for risk in dict.fromkeys(o.risks))

    def __repr__(self) -> str:
        """Return its first line."""
        return f"<DeidentificationReport: {str(self).partition(chr(10))[0]}>"

    def __str__(self) -> str:
        """Return a few lines for people."""
        return "\n".join([self._first(), *self._claims(), *self._troubles(), *self._notes()])

    def _first(self) -> str:
        verb = "would be in" if self.dry_run else "in"
        before = self.series.there_already
        there = f", {counted(before, 'series')} there already" if before else ""
        how = "" if self.dry_run else ", every one verified" if self.verified else ", NOT verified"
        of = f"{counted(len(self.published), 'object')} of {counted(self.series.published, 'series')}"
        return f"{of} {verb} {self.folder}{how if self.published else ''}{there}"

    def _claims(self) -> list[str]:
        known = {row.code: row.meaning for row in options().values()} | {
            BASIC_CODE: "Basic Application Confidentiality Profile"
        }
        claimed = [f"{code} {known.get(code, '')}".strip() for code in self.codes]
        lines = [f"claimed: {', '.join(claimed)}"] if claimed else []
        return lines + [
            f"not claimed: {name}: {why} ({counted(n, 'object')})" for (name, why), n in self.unclaimed.items()
        ]

    def _troubles(self) -> list[str]:
        lines = []
        if self.quarantined:
            kinds = Counter(fault.kind for o in self.quarantined for fault in {*o.faults})
            told = ", ".join(f"{kind} ({n})" for kind, n in kinds.most_common(_SHOWN))
            lines.append(f"in quarantine: {counted(len(self.quarantined), 'object')}: {told}")
        if self.of_the_set:
            lines.append(
                "wrong in the set: " + ", ".join(f"{f.kind} {f.path}".strip() for f in self.of_the_set[:_SHOWN])
            )
        for title, found in (("refused", self.refused), ("cannot be read", self.unread), ("left out", self.skipped)):
            lines += _listed(title, found)
        return lines

    def _notes(self) -> list[str]:
        blanked = Counter(method for o in self.objects for method in o.blanked)
        lines = [f"blanked by {method}: {counted(n, 'object')}" for method, n in blanked.items()]
        lines += [f"note: {risk.text} ({counted(n, 'object')})" for risk, n in [*self.risks.items()][: 2 * _SHOWN]]
        if no_object := [o for o in self.others if not o.code]:
            lines.append(f"not copied, being no DICOM objects: {counted(len(no_object), 'file')}")
        lines += [f"note: {note}" for note in self.notes]
        if not self.consistent:
            lines.append("note: no key was given: another run gives other UIDs, dates and names")
        return lines

    def to_json(self) -> dict[str, Any]:
        """Return everything, for programs; schemas/deidentify.json describes it."""
        return {
            "schema": SCHEMA,
            "software": {"name": MODEL, "version": VERSION},
            "folder": str(self.folder),
            "profile": _profile(self.profile),
            "consistent": self.consistent,
            "verified": self.verified,
            "dry_run": self.dry_run,
            "ok": self.ok,
            "series": self.series._asdict(),
            "codes": [{"code": code, "objects": n} for code, n in self.codes.items()],
            "not_claimed": [{"option": name, "why": why, "objects": n} for (name, why), n in self.unclaimed.items()],
            "risks": [{**risk._asdict(), "objects": n} for risk, n in self.risks.items()],
            "notes": list(self.notes),
            "of_the_set": [fault._asdict() for fault in self.of_the_set],
            "accounts": self.accounts.to_json(),
            "objects": [_object(o) for o in self.objects],
            "refused": [o.to_json() for o in self.refused],
            "skipped": [o.to_json() for o in self.skipped],
            "others": [o.to_json() for o in self.others],
        }


def _listed(title: str, found: Sequence[Other]) -> list[str]:
    """Say what is missing: each reason once, with the first file that has it."""
    if not found:
        return []
    reasons: dict[tuple[str, str], list[Other]] = {}
    for other in found:
        reasons.setdefault((other.code, other.reason.replace(other.name, "")), []).append(other)
    told = [_reason(others) for others in list(reasons.values())[:_SHOWN]]
    more = [f"  and {counted(len(reasons) - _SHOWN, 'other reason')}"] if len(reasons) > _SHOWN else []
    return [f"{title}: {counted(len(found), 'file')}", *told, *more]


def _reason(others: Sequence[Other]) -> str:
    first = others[0]
    text = first.reason if first.reason.startswith(first.name) else f"{first.name}: {first.reason}"
    more = f" ({len(others)} such)" if len(others) > 1 else ""
    return f"  {first.code}{': ' if first.code else ''}{text}{more}"


def _profile(profile: Profile) -> dict[str, Any]:
    return {
        "base": profile.base,
        "options": list(profile.options),
        "edition": profile.edition,
        "dialect": profile.dialect,
        "rules": [{"address": r.address.text, "method": r.method, "told": r.told} for r in profile.rules],
    }


def _object(record: ObjectRecord) -> dict[str, Any]:
    return {
        "file": record.file,
        "sop_class": record.sop_class,
        "class": shown_class(record.sop_class),
        "account": record.account,
        "state": record.state,
        "risks": [risk.code for risk in record.risks],
        "blanked": list(record.blanked),
        "faults": [fault._asdict() for fault in record.faults],
    }


def masked(others: Iterable[Other], identifiers: Iterable[Identifier]) -> tuple[Other, ...]:
    """Return what was found with stand-ins for names that tell who a patient is: files are called after them.

    Parameters
    ----------
    others : iterable of Other
    identifiers : iterable of Identifier
        Of the set.
    """
    found = tuple(others)
    texts = (word for i in identifiers if found for word in _WORDS.split(i.text.casefold()))
    known = {word for word in texts if len(word) >= _SHORTEST}
    return tuple(_masked(number, other, known) for number, other in enumerate(found, 1))


def _masked(number: int, other: Other, known: Collection[str]) -> Other:
    tells = any(text in other.name.casefold() for text in known)
    return other._replace(stand_in=f"file {number}") if tells else other
