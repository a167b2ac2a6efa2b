"""What a worker is given: a series, rules, and where results go; nothing that only the machine of the caller has."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from derive.many.layout import ResultLayout
from derive.many.ledger import Intent, number_of
from derive.many.outcome import Ending, Outcome
from derive.many.plan import Plan, SeriesRule
from derive.pacs.config import Destination

#: In the output: index, ledger, lock, and work under way.
STATE = ".derive"
#: Bytes of memory for each sample of a series: its stored values, and what is computed of them at once.
_BYTES_A_SAMPLE = 12


@dataclass(frozen=True)
class Delivery:
    """Where results go, and how their folders are called.

    Parameters
    ----------
    output : Path, optional
        Folder of results; None where they go to an archive.
    archive : Destination, optional
    layout : ResultLayout
    salt : str
        Of marks on names that lead back to no source.
    dry_run : bool
        Nothing is written or sent.
    """

    output: Path | None = None
    archive: Destination | None = None
    layout: ResultLayout = field(default_factory=ResultLayout)
    salt: str = field(default="", repr=False)
    dry_run: bool = False

    def mark(self, slot: str) -> str:
        """Return what a name is marked with that nobody can trace to the source of a slot."""
        return hashlib.sha256(f"{self.salt} {slot}".encode()).hexdigest()

    @property
    def work(self) -> Path | None:
        """Where results lie whose folder is not known yet."""
        return None if self.output is None else self.output / STATE / "work"


@dataclass(frozen=True)
class SeriesTask:
    """One series, and what is to become of it.

    Parameters
    ----------
    series_instance_uid : str
    plan : Plan
        The rules that want it; of a series of an archive those that may.
    delivery : Delivery
    digest : str
        What its results follow from.
    paths : tuple of str
        Its files.
    archive : Destination, optional
        Where it is fetched from, in place of files.
    study_instance_uid : str
        Of a series that is fetched.
    folder : str
        Of the result, below the output; empty where only the result tells it.
    replaces : bool
        Whether an earlier result of the same slot is replaced.
    samples : int
        Of its pixels; 0 where nobody knows.
    seconds : float, optional
        How long it may take.
    """

    series_instance_uid: str
    plan: Plan
    delivery: Delivery
    digest: str
    paths: tuple[str, ...] = field(default=(), repr=False)
    archive: Destination | None = None
    study_instance_uid: str = ""
    folder: str = ""
    replaces: bool = False
    samples: int = 0
    seconds: float | None = None

    @property
    def slot(self) -> str:
        """What it is called in a ledger: the series, and the rule; of a series of an archive all rules."""
        return f"{self.series_instance_uid} {self.plan.rules[0].name if self.archive is None else '*'}"

    @property
    def memory(self) -> int:
        """Bytes that its values may take, by what its headers say."""
        return self.samples * _BYTES_A_SAMPLE

    @property
    def intent(self) -> Intent:
        """What is said of it before it begins."""
        output = self.delivery.output
        was = number_of(output / self.folder) if output is not None and self.folder and self.replaces else 0
        return Intent(self.slot, self.digest, self.folder, was)

    def failed(self, code: str, message: str, ending: Ending = Ending.FAILED) -> tuple[Outcome, ...]:
        """Return the outcome of a task that could not be done, whatever its rules are."""
        rule = self.plan.rules[0].name if self.archive is None else ""
        return (Outcome(ending, self.series_instance_uid, rule, code, message),)

    def names_alone(self, rule: SeriesRule) -> bool:
        """Whether the layout gives every series and rule a name of its own, without a mark."""
        keywords, several = self.delivery.layout.keywords, len(self.plan.rules) > 1
        of_rule = not several or any("{rule}" in part for part in self.delivery.layout.parts)
        return "SeriesInstanceUID" in keywords and of_rule and rule.deidentify is None

    def relative(self, folder: Path) -> str:
        """Return a folder as it is below the output."""
        output = self.delivery.output
        return str(folder) if output is None else str(PurePosixPath(folder.relative_to(output)))
