"""How a node does: as text, for programs, as metrics of Prometheus, and whether it is well. No patient is in it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from derive.errors import SourceError
from derive.many.node.ledger import FILE, NodeLedger
from derive.many.node.states import SeriesState
from derive.told.wording import counted

SCHEMA = "derive-serve/1"
#: So much of what is in quarantine is told one by one.
_MOST_TOLD = 50
_WAITING = (SeriesState.RECEIVED, SeriesState.COMPLETE, SeriesState.DERIVED)


@dataclass(frozen=True)
class NodeStatus:
    """How a node does.

    Parameters
    ----------
    series, results : mapping state -> count
    instances, conflicts, held_bytes : int
    quarantine : tuple of mapping
        Series in quarantine, the newest first: UID, code, flag, and how long.
    quarantined : int
        How many there are.
    waiting_s : float
        Since when the series waits longest that is not done.
    retrying : mapping code -> count
        Results that wait for another attempt, by why.
    live : mapping
        What only the running process knows; empty where it was not asked.
    """

    series: Mapping[str, int]
    results: Mapping[str, int]
    instances: int
    conflicts: int
    held_bytes: int
    quarantine: tuple[Mapping[str, Any], ...]
    quarantined: int
    waiting_s: float
    retrying: Mapping[str, int]
    live: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, ledger: NodeLedger, live: Mapping[str, Any] | None = None) -> Self:
        """Read a ledger."""
        now = time.time()
        series = dict.fromkeys((s.value for s in SeriesState), 0)
        series |= dict(ledger.asked("SELECT state, count(*) FROM series GROUP BY state"))
        marks = ",".join("?" * len(_WAITING))
        oldest = ledger.asked(f"SELECT min(since) FROM series WHERE state IN ({marks})", *(s.value for s in _WAITING))
        aside = ledger.asked(
            "SELECT uid, code, flag, since FROM series WHERE state = ? ORDER BY since DESC LIMIT ?",
            SeriesState.QUARANTINED.value,
            _MOST_TOLD,
        )
        retrying = "SELECT code, count(*) FROM result WHERE code <> '' AND state IN (?, ?) GROUP BY code"
        states = (SeriesState.DERIVED.value, SeriesState.SENT.value)
        return cls(
            series,
            dict(ledger.asked("SELECT state, count(*) FROM result GROUP BY state")),
            ledger.asked("SELECT count(*) FROM instance")[0][0],
            ledger.asked("SELECT count(*) FROM conflict")[0][0],
            ledger.held_bytes(),
            tuple({"series": uid, "code": c, "flag": f, "seconds": round(now - since)} for uid, c, f, since in aside),
            series[SeriesState.QUARANTINED.value],
            max(0.0, now - oldest[0][0]) if oldest[0][0] is not None else 0.0,
            dict(ledger.asked(retrying, *states)),
            dict(live or {}),
        )

    @classmethod
    def read(cls, store: Path) -> Self:
        """Read the ledger of a node, whether that runs or not.

        Raises
        ------
        SourceError
            ``NODE-NONE`` if there is none.
        """
        if not (store / FILE).is_file():
            raise SourceError("NODE-NONE", f"{store} is no store of a node: there is no {FILE} in it")
        ledger = NodeLedger(store, read_only=True)
        try:
            return cls.of(ledger)
        finally:
            ledger.close()

    def to_json(self) -> dict[str, Any]:
        """Return everything, for programs."""
        own = {name: value for name, value in vars(self).items() if name != "live"}
        own["quarantine"] = list(self.quarantine)
        return {"schema": SCHEMA, **own, **({"live": dict(self.live)} if self.live else {})}

    def __str__(self) -> str:
        """Return lines for people."""
        there = ", ".join(f"{count} {state}" for state, count in self.series.items() if count) or "none"
        made = ", ".join(f"{count} {state}" for state, count in self.results.items()) or "none"
        lines = [
            f"series: {there}",
            f"results: {made}",
            f"{counted(self.instances, 'instance')} came, {self.held_bytes / 1e6:.1f} MB are kept",
        ]
        if self.waiting_s:
            lines.append(f"the series that waits longest: {self.waiting_s:.0f} s")
        if self.conflicts:
            lines.append(f"{counted(self.conflicts, 'instance')} came with other contents, and are kept aside")
        lines += [f"tried again: {count} ({code})" for code, count in self.retrying.items()]
        lines += [f"quarantine: {each['series']} {each['code']} {each['flag']}".rstrip() for each in self.quarantine]
        if self.quarantined > len(self.quarantine):
            lines.append(f"quarantine: {self.quarantined - len(self.quarantine)} more")
        return "\n".join(lines)

    def metrics(self) -> str:
        """Return metrics in the text format of Prometheus (0.0.4)."""
        well, _ = health_of(self.live)
        gauges: list[tuple[str, str, Mapping[str, float]]] = [
            ("up", "Whether the node is well.", {"": float(well)}),
            ("series", "Series by state.", _labelled("state", self.series)),
            ("results", "Results by state.", _labelled("state", self.results)),
            ("instances", "Instances that came.", {"": self.instances}),
            ("conflicts", "Instances that came with other contents.", {"": self.conflicts}),
            ("held_bytes", "Bytes that are kept.", {"": self.held_bytes}),
            ("waiting_seconds", "Age of the oldest series that is not done.", {"": round(self.waiting_s, 1)}),
            ("retrying", "Results that wait for another attempt.", _labelled("code", self.retrying)),
            ("associations", "Associations now.", {"": self.live.get("associations", 0)}),
            ("in_work", "Series that are being derived now.", {"": self.live.get("in_work", 0)}),
        ]
        counters = [
            (
                "answers_total",
                "Answers to instances, by status and by what was done.",
                _labelled("answer", self.live.get("answers", {})),
            ),
            ("sending_total", "What became of sending, by word.", _labelled("what", self.live.get("sending", {}))),
        ]
        lines = [line for each in gauges for line in _metric("gauge", *each)]
        lines += [line for each in counters for line in _metric("counter", *each)]
        return "\n".join(lines) + "\n"


def health_of(live: Mapping[str, Any]) -> tuple[bool, str]:
    """Say whether a node is well, by what only its process knows: it takes instances, and no thread of it hangs."""
    wrong = [] if live.get("room", True) else ["there is no room for more instances"]
    wrong += [f"{name} hangs" for name in live.get("hanging", ())]
    return not wrong, "; ".join(wrong) or "ok"


def _labelled(label: str, counts: Mapping[str, float]) -> dict[str, float]:
    return {f'{{{label}="{name}"}}': count for name, count in counts.items()}


def _metric(kind: str, name: str, words: str, values: Mapping[str, float]) -> list[str]:
    full = f"derive_node_{name}"
    return [
        f"# HELP {full} {words}",
        f"# TYPE {full} {kind}",
        *(f"{full}{labels} {value:g}" for labels, value in values.items()),
    ]
