"""From an index and a plan to tasks: which series under which rule, where results go, and what was done before.

The pairs of series and rules stand in a table of the index, since which names collide only all of them show.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import NamedTuple, Self

from derive.many.index import TreeIndex
from derive.many.layout import marked
from derive.many.ledger import Ledger
from derive.many.plan import Plan
from derive.many.selecting import rules_for
from derive.many.tasks import Delivery, SeriesTask

_TABLES = """
CREATE TABLE pairs (series TEXT, rule INTEGER, folder TEXT, folded TEXT, PRIMARY KEY (series, rule)) WITHOUT ROWID;
CREATE INDEX by_folder ON pairs (folded);
"""


class PlannedSeries(NamedTuple):
    """A series under a rule; under none where no rule wants it.

    Parameters
    ----------
    series_instance_uid : str
    rule : int
        Its place in the plan, from 0; -1 for none.
    folder : str
        Of the result, below the output; empty where only the result tells it.
    """

    series_instance_uid: str
    rule: int
    folder: str


class Pairs:
    """All series of an index with the rules that want them; use it in a ``with`` block, in one thread.

    Parameters
    ----------
    path : Path
        Of an SQLite file, which is made anew and can be deleted.
    plan : Plan
    """

    def __init__(self, path: Path, plan: Plan) -> None:
        path.unlink(missing_ok=True)
        self._db, self._plan = sqlite3.connect(path, isolation_level=None), plan
        self._db.executescript(f"PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; {_TABLES}")

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self._db.close()

    def fill(self, index: TreeIndex) -> None:
        """Ask the rules of every series."""
        self._db.execute("BEGIN")
        for uid in index.series():
            facts = index.facts(uid)
            rules = rules_for(self._plan, facts)
            rows = [(self._plan.rules.index(r), self._folder(r.deidentify is None, facts, r.name)) for r in rules]
            rows = rows or [(-1, "")]
            self._db.executemany("INSERT INTO pairs VALUES (?, ?, ?, ?)", [(uid, n, f, f.lower()) for n, f in rows])
        self._db.execute("COMMIT")

    def __len__(self) -> int:
        """How many series and rules there are that go together."""
        return int(self._db.execute("SELECT COUNT(*) FROM pairs WHERE rule >= 0").fetchone()[0])

    def __iter__(self) -> Iterator[PlannedSeries]:
        """Give them in the order of the series; names that several would have are marked, on any file system."""
        query = "SELECT series, rule, folder, folded FROM pairs ORDER BY series, rule"
        for uid, rule, folder, folded in self._db.cursor().execute(query):
            if folder and self._is_shared(folded):
                folder = str(marked(PurePosixPath(folder), uid, self._plan.rules[rule].name))
            yield PlannedSeries(uid, rule, folder)

    def _is_shared(self, folded: str) -> bool:
        found = self._db.execute("SELECT 1 FROM pairs WHERE folded = ? LIMIT 2", (folded,)).fetchall()
        return len(found) > 1

    def _folder(self, named: bool, facts: dict[str, str], rule: str) -> str:
        """Return the folder of a result; of one that names nobody the source may not say it."""
        return str(self._plan.layout.folder(facts, rule)) if named else ""


def task_of(planned: PlannedSeries, plan: Plan, index: TreeIndex, delivery: Delivery, *, content: bool) -> SeriesTask:
    """Return the task of a series under a rule.

    Parameters
    ----------
    planned : PlannedSeries
    plan : Plan
    index : TreeIndex
    delivery : Delivery
    content : bool
        Whether what follows from the source follows from the bytes of its files.
    """
    rule = plan.rules[planned.rule]
    files = index.files(planned.series_instance_uid, content=content)
    return SeriesTask(
        series_instance_uid=planned.series_instance_uid,
        plan=Plan((rule,), plan.layout),
        delivery=delivery,
        digest=hashlib.sha256(f"{plan.key(rule)} {files.digest}".encode()).hexdigest(),
        paths=files.paths,
        folder=planned.folder if delivery.archive is None else "",
        samples=files.samples,
    )


def settled_folder(task: SeriesTask, ledger: Ledger) -> SeriesTask:
    """Return a task with a folder that nobody else's results are in, and whether an earlier result of its own is.

    What lies there and the ledger does not know is somebody else's: the name is marked, and nothing is overwritten.
    """
    output = task.delivery.output
    if output is None or not task.folder:
        return task
    owner = ledger.owner(task.folder)
    if owner == task.slot:
        return replace(task, replaces=_has_files(output / task.folder))
    if owner is None and not _has_files(output / task.folder):
        return task
    folder = str(marked(PurePosixPath(task.folder), task.series_instance_uid, task.plan.rules[0].name))
    return replace(task, folder=folder, replaces=ledger.owner(folder) == task.slot and _has_files(output / folder))


def _has_files(folder: Path) -> bool:
    try:
        return not folder.is_dir() or any(folder.iterdir()) if folder.exists() else False
    except OSError:
        return True
