"""What is counted while objects come; the report is made of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from derive.deidentification.check.checker import DeidChecker
from derive.deidentification.check.links import Links
from derive.deidentification.line.account import Accounts, Shortcoming
from derive.deidentification.line.report import DeidentificationReport, ObjectRecord, SeriesCounts, masked
from derive.deidentification.line.review import Kept
from derive.deidentification.line.survey import Other, Survey
from derive.deidentification.line.work import BatchResult, Treated
from derive.deidentification.profile.wanted import Settled


@dataclass
class Tally:
    """Remembers what became of each object, in a few bytes each.

    Parameters
    ----------
    ready : Settled
    """

    ready: Settled
    accounts: Accounts = field(default_factory=Accounts)
    objects: list[ObjectRecord] = field(default_factory=list)
    codes: Counter[str] = field(default_factory=Counter)
    unclaimed: Counter[tuple[str, str]] = field(default_factory=Counter)
    refused: list[Other] = field(default_factory=list)
    skipped: list[Other] = field(default_factory=list)
    series: Counter[str] = field(default_factory=Counter)
    there_already: int = 0
    links: Links = field(default_factory=Links)
    kept: Counter[Kept] = field(default_factory=Counter)
    _numbers: dict[tuple[int, int], int] = field(default_factory=dict)

    def state_of(self, series: Sequence[Treated]) -> str:
        """Return what becomes of a series: ``published``, ``quarantined``, ``withheld``, or ``skipped``."""
        if any(t.refused for t in series):
            return "withheld"
        if any(t.faults for t in series):
            return "quarantined"
        return "published" if any(t.name for t in series) else "skipped"

    def take(self, series: Sequence[Treated], state: str, files: Iterable[str]) -> None:
        """Remember what became of the objects of a series; `files` are the names of those that were made."""
        self.series[state] += 1
        named = iter(files)
        for one in series:
            if one.refused is not None:
                self.refused.append(one.refused)
            elif one.skipped is not None:
                self.skipped.append(one.skipped)
            else:
                self._take(one, state, next(named))

    def _take(self, one: Treated, state: str, file: str) -> None:
        if one.account not in self._numbers:
            self._numbers[one.account] = self.accounts.number(one.decisions)
        number = self._numbers[one.account]
        self.objects.append(ObjectRecord(file, one.sop_class, number, one.risks, one.blanked, one.faults, state))
        if state == "published":
            self.codes.update(one.codes)
            self.unclaimed.update(one.unclaimed)

    def join(self, result: BatchResult) -> None:
        """Remember what the check saw of UIDs and dates in a batch, and the texts of it that are kept."""
        self.kept.update(result.kept)
        if result.links is not None:
            self.links.join(result.links)

    def _of_the_set(self) -> tuple[Shortcoming, ...]:
        """Return what only all objects together show: references that lead nowhere now, UIDs that became two."""
        if not self.ready.wanted.verify:
            return ()
        checker = DeidChecker(self.ready.profile)
        checker.links = self.links
        found = (Shortcoming(v.code, v.path) for v in checker.finish() if v.severity == "error")
        return tuple(dict.fromkeys(found))

    def report(self, folder: Path, survey: Survey) -> DeidentificationReport:
        """Return the report."""
        counts = SeriesCounts(
            self.series["published"], self.there_already, self.series["quarantined"], self.series["withheld"]
        )
        refused, skipped, others = (masked(f, survey.identifiers) for f in (self.refused, self.skipped, survey.others))
        return DeidentificationReport(
            folder,
            self.ready.profile,
            tuple(self.objects),
            self.accounts,
            dict(sorted(self.codes.items())),
            dict(self.unclaimed),
            refused=refused,
            skipped=skipped,
            others=others,
            notes=self.ready.notes,
            of_the_set=self._of_the_set(),
            series=counts,
            consistent=self.ready.is_consistent,
            verified=self.ready.wanted.verify,
            dry_run=self.ready.wanted.dry_run,
        )
