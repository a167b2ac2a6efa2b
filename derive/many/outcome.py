"""What became of a series under a rule: one value, for ledgers, reports, programs and people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any, Self


class Ending(Enum):
    """How work on a series can end.

    DONE: the result is there. SKIPPED: no rule wants it, or it was done before. REFUSED: derive said why not, with a
    stable code. FAILED: nobody expected what happened. TIMED_OUT: it took longer than it may. PLANNED: a dry run would
    make it.
    """

    DONE = "done"
    SKIPPED = "skipped"
    REFUSED = "refused"
    FAILED = "failed"
    TIMED_OUT = "timed out"
    PLANNED = "planned"

    @property
    def well(self) -> bool:
        """Whether nothing is lacking."""
        return self in (Ending.DONE, Ending.SKIPPED, Ending.PLANNED)


@dataclass(frozen=True)
class Outcome:
    """What became of one series under one rule.

    Parameters
    ----------
    ending : Ending
    series_instance_uid : str
        Of the source.
    rule : str
        Name of the rule; empty where no rule wants the series.
    code, message : str
        Why, where there is no result; of a result that is there what a person should know.
    flag : str
        What would change a refusal, in the words of the caller; empty where nothing would.
    files : tuple of str
        Names of the files of the result, below its folder.
    folder : str
        Where they are; below the output where there is one.
    seconds : float
    facts : mapping of str to value
        Numbers and UIDs of the source and the result: ``images``, ``bytes``, ``modality``, ``result_uid``.
    trace : str
        Where a fault came up, without values; for the report only.
    """

    ending: Ending
    series_instance_uid: str = ""
    rule: str = ""
    code: str = ""
    message: str = ""
    flag: str = ""
    files: tuple[str, ...] = ()
    folder: str = ""
    seconds: float = 0.0
    facts: Mapping[str, Any] = field(default_factory=dict)
    trace: str = field(default="", repr=False)

    def __str__(self) -> str:
        """Return a line for people."""
        what = f"{self.ending.value}: series {self.series_instance_uid or '(none)'}"
        by = f", {self.rule}" if self.rule else ""
        why = f": {self.code}: {self.message}" if self.code else f": {self.message}" if self.message else ""
        return f"{what}{by}{why}{f' ({self.flag})' if self.flag else ''}"

    def of(self, series_instance_uid: str, rule: str) -> Outcome:
        """Return the same of a series and a rule."""
        return replace(self, series_instance_uid=series_instance_uid, rule=rule)

    def at(self, folder: str) -> Outcome:
        """Return the same with its result in another folder."""
        return replace(self, folder=folder)

    def to_json(self) -> dict[str, Any]:
        """Return everything that is said, for programs; schemas/batch.json describes it."""
        told = {"ending": self.ending.value, "series": self.series_instance_uid, "rule": self.rule}
        told |= {"code": self.code, "message": self.message, "flag": self.flag, "folder": self.folder}
        said = {name: value for name, value in told.items() if value}
        more = {"files": list(self.files), "facts": dict(self.facts), "trace": self.trace}
        return said | {name: value for name, value in more.items() if value} | {"seconds": round(self.seconds, 3)}

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Self:
        """Return what :meth:`to_json` said.

        Raises
        ------
        ValueError, TypeError
            For what it did not say.
        """
        texts = {n: str(told.get(n, "")) for n in ("rule", "code", "message", "flag", "folder", "trace")}
        return cls(
            Ending(told["ending"]) if "ending" in told else Ending(""),
            str(told.get("series", "")),
            files=tuple(map(str, told.get("files", ()))),
            seconds=float(told.get("seconds", 0.0)),
            facts=dict(told.get("facts", {})),
            **texts,
        )
