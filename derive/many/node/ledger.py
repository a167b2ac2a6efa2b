"""The ledger: what came, what became of it, what was made; on the disk when a call comes back (SQLite).

It holds UIDs, digests, states and codes. Messages and traces of errors, which may quote a file, are kept here and
nowhere else. May be used by several threads; other processes may read it meanwhile.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from derive.errors import OutputError
from derive.many.node.entries import Failure, Made, NodeInstance, NodeResult, NodeSeries
from derive.many.node.states import DONE, RESULT_STATES, SeriesState, least

FILE = "ledger.sqlite"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS instance (uid TEXT PRIMARY KEY, series TEXT NOT NULL, study TEXT NOT NULL,
    sop_class TEXT NOT NULL, syntax TEXT NOT NULL, digest TEXT NOT NULL, size INTEGER NOT NULL,
    gone INTEGER NOT NULL DEFAULT 0, promised INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS instance_of ON instance (series);
CREATE TABLE IF NOT EXISTS series (uid TEXT PRIMARY KEY, study TEXT NOT NULL, state TEXT NOT NULL, since REAL NOT NULL,
    heard REAL NOT NULL, version INTEGER NOT NULL DEFAULT 0, tries INTEGER NOT NULL DEFAULT 0,
    due REAL NOT NULL DEFAULT 0, code TEXT NOT NULL DEFAULT '', message TEXT NOT NULL DEFAULT '',
    flag TEXT NOT NULL DEFAULT '', trace TEXT NOT NULL DEFAULT '') WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS series_in ON series (state, heard);
CREATE TABLE IF NOT EXISTS result (key TEXT PRIMARY KEY, series TEXT NOT NULL, version INTEGER NOT NULL,
    rule TEXT NOT NULL, folder TEXT NOT NULL, state TEXT NOT NULL, since REAL NOT NULL, size INTEGER NOT NULL,
    gone INTEGER NOT NULL DEFAULT 0, tries INTEGER NOT NULL DEFAULT 0, due REAL NOT NULL DEFAULT 0,
    code TEXT NOT NULL DEFAULT '', message TEXT NOT NULL DEFAULT '') WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS result_of ON result (series);
CREATE INDEX IF NOT EXISTS result_due ON result (state, due);
CREATE TABLE IF NOT EXISTS made (series TEXT PRIMARY KEY, key TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS conflict (uid TEXT, digest TEXT, series TEXT NOT NULL, size INTEGER NOT NULL,
    at REAL NOT NULL, PRIMARY KEY (uid, digest)) WITHOUT ROWID;
"""
_SERIES = "uid, study, state, since, heard, version, tries, due, code, message, flag"
_RESULT = "key, series, version, rule, folder, state, tries, due, code, message"
_INSTANCE = "uid, series, study, sop_class, syntax, digest, size, gone"


class NodeLedger:
    """What came, what became of it, and what was made.

    Parameters
    ----------
    folder : Path
        That of the node's store.
    read_only : bool
        Whether it is another process's, and only looked into.

    Raises
    ------
    OutputError
        ``NODE-LEDGER`` if it is none, or cannot be written.
    """

    def __init__(self, folder: Path, *, read_only: bool = False) -> None:
        self._lock = threading.RLock()
        self.path = folder / FILE
        try:
            self._at = sqlite3.connect(self.path, timeout=60.0, check_same_thread=False, isolation_level=None)
            if not read_only:
                self._at.execute("PRAGMA journal_mode = WAL")
                # Every transaction is on the disk when it ends (2026-12-01): what is acknowledged is in it.
                self._at.execute("PRAGMA synchronous = FULL")
                self._at.executescript(_SCHEMA)
            self._at.execute("SELECT count(*) FROM series").fetchone()
        except sqlite3.Error as error:
            said = f"{self.path} cannot be used as the ledger of a node ({error}); if it is broken, move it away: "
            raise OutputError("NODE-LEDGER", f"{said}files that came are taken in again") from error

    def close(self) -> None:
        """End it."""
        with self._lock:
            self._at.close()

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """Give a transaction: all of it is on the disk when the block ends, or none."""
        with self._lock:
            self._at.execute("BEGIN IMMEDIATE")
            try:
                yield self._at
                self._at.execute("COMMIT")
            except BaseException:
                self._at.execute("ROLLBACK")
                raise

    def asked(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Return rows."""
        with self._lock:
            return self._at.execute(sql, values).fetchall()

    # what came

    def instance(self, uid: str) -> NodeInstance | None:
        """Return an instance that came."""
        rows = self.asked(f"SELECT {_INSTANCE} FROM instance WHERE uid = ?", uid)
        return NodeInstance(*rows[0]) if rows else None

    def instances(self, series: str) -> list[NodeInstance]:
        """Return the instances of a series, in the order of their UIDs."""
        rows = self.asked(f"SELECT {_INSTANCE} FROM instance WHERE series = ? ORDER BY uid", series)
        return [NodeInstance(*row) for row in rows]

    def receive(self, came: NodeInstance) -> bool:
        """Enter an instance: its series is received again, whatever it was; say whether it was further before."""
        now = time.time()
        values = (came.uid, came.series, came.study, came.sop_class, came.syntax, came.digest, came.size)
        with self._writing() as at:
            at.execute(
                "INSERT INTO instance (uid, series, study, sop_class, syntax, digest, size) VALUES (?,?,?,?,?,?,?) "
                "ON CONFLICT (uid) DO UPDATE SET gone = 0",
                values,
            )
            before = at.execute("SELECT state FROM series WHERE uid = ?", (came.series,)).fetchone()
            at.execute(
                "INSERT INTO series (uid, study, state, since, heard, version) VALUES (?,?,?,?,?,1) "
                "ON CONFLICT (uid) DO UPDATE SET heard = excluded.heard, version = version + 1, tries = 0, due = 0, "
                "code = '', message = '', flag = '', trace = '', state = excluded.state, "
                "since = CASE WHEN state = excluded.state THEN since ELSE excluded.since END",
                (came.series, came.study, SeriesState.RECEIVED.value, now, now),
            )
        return before is not None and before[0] != SeriesState.RECEIVED.value

    def conflict(self, came: NodeInstance) -> None:
        """Enter that another instance of a SOP Instance UID came."""
        with self._writing() as at:
            at.execute(
                "INSERT OR IGNORE INTO conflict VALUES (?,?,?,?,?)",
                (came.uid, came.digest, came.series, came.size, time.time()),
            )

    def promise(self, uids: Sequence[str]) -> None:
        """Enter that somebody was told by storage commitment that these are kept."""
        with self._writing() as at:
            at.executemany("UPDATE instance SET promised = 1 WHERE uid = ?", [(uid,) for uid in uids])

    # series

    def series(self, *states: SeriesState) -> list[NodeSeries]:
        """Return the series in some states, the one that waits longest first."""
        marks = ",".join("?" * len(states))
        found = self.asked(
            f"SELECT {_SERIES} FROM series WHERE state IN ({marks}) ORDER BY heard", *(s.value for s in states)
        )
        return [NodeSeries(*row) for row in found]

    def one_series(self, uid: str) -> NodeSeries | None:
        """Return a series."""
        rows = self.asked(f"SELECT {_SERIES} FROM series WHERE uid = ?", uid)
        return NodeSeries(*rows[0]) if rows else None

    def move(self, series: NodeSeries, state: SeriesState, failure: Failure | None = None) -> bool:
        """Enter a state of a series, unless an instance came since it was looked at; say whether it is entered."""
        failure = failure or Failure()
        with self._writing() as at:
            return _moved(at, series, state, failure)

    def begin(self, series: NodeSeries) -> int:
        """Enter that it is begun with; return how often it was begun since something came, and had no end."""
        with self._writing() as at:
            at.execute("UPDATE series SET tries = tries + 1 WHERE uid = ?", (series.uid,))
            row = at.execute("SELECT tries FROM series WHERE uid = ?", (series.uid,)).fetchone()
        return int(row[0])

    def postpone(self, series: NodeSeries, until: float) -> None:
        """Enter when a series is looked at again."""
        with self._writing() as at:
            at.execute("UPDATE series SET due = ? WHERE uid = ?", (until, series.uid))

    def again(self) -> int:
        """Take what is in quarantine up again; say how many series and results that are."""
        quarantined, now = SeriesState.QUARANTINED.value, time.time()
        with self._writing() as at:
            results = at.execute(
                "UPDATE result SET state = ?, tries = 0, due = 0, code = '', message = '' WHERE state = ?",
                (SeriesState.DERIVED.value, quarantined),
            ).rowcount
            series = at.execute(
                "UPDATE series SET state = ?, since = ?, tries = 0, due = 0, code = '', message = '', flag = '', "
                "trace = '' WHERE state = ?",
                (SeriesState.COMPLETE.value, now, quarantined),
            ).rowcount
        return int(max(results, series))

    def resumed(self) -> None:
        """Let what was being received have its quiet time again: nothing could come while the node was down."""
        with self._writing() as at:
            at.execute("UPDATE series SET heard = ? WHERE state = ?", (time.time(), SeriesState.RECEIVED.value))

    # what was made

    def is_made(self, series: str) -> bool:
        """Whether a series was made here."""
        return bool(self.asked("SELECT 1 FROM made WHERE series = ?", series))

    def has_result(self, key: str) -> bool:
        """Whether there is a result of these sources by this rule."""
        return bool(self.asked("SELECT 1 FROM result WHERE key = ?", key))

    def derived(self, series: NodeSeries, made: Sequence[Made], kept: Sequence[str], failure: Failure | None) -> bool:
        """Enter the results of a series, all at once, unless an instance came meanwhile; say whether it is entered.

        Parameters
        ----------
        series : NodeSeries
        made : sequence of Made
        kept : sequence of str
            Keys of results that were there already.
        failure : Failure, optional
            Of another rule, which puts the series in quarantine; its results are sent nevertheless.
        """
        now = time.time()
        with self._writing() as at:
            state = SeriesState.QUARANTINED if failure else SeriesState.DERIVED
            if not _moved(at, series, state, failure or Failure()):
                return False
            for m in made:
                at.execute(
                    "INSERT INTO result (key, series, version, rule, folder, state, since, size) "
                    "VALUES (?,?,?,?,?,?,?,?)",
                    (m.key, series.uid, series.version, m.rule, m.folder, SeriesState.DERIVED.value, now, m.size),
                )
                at.executemany("INSERT OR REPLACE INTO made VALUES (?,?)", [(uid, m.key) for uid in m.series])
            at.executemany("UPDATE result SET version = ? WHERE key = ?", [(series.version, key) for key in kept])
            _follow(at, series.uid)
        return True

    def folders(self) -> set[str]:
        """Return the folders of all results."""
        return {row[0] for row in self.asked("SELECT folder FROM result WHERE NOT gone")}

    def to_send(self, now: float, most: int) -> list[NodeResult]:
        """Return results that are to be sent, or asked for, by now; those that wait longest first, so many at most."""
        rows = self.asked(
            f"SELECT {_RESULT} FROM result WHERE state IN (?, ?) AND due <= ? ORDER BY due, since LIMIT ?",
            SeriesState.DERIVED.value,
            SeriesState.SENT.value,
            now,
            most,
        )
        return [NodeResult(*row) for row in rows]

    def begin_result(self, result: NodeResult, more: int = 1) -> int:
        """Enter that a result is begun to be sent, or by -1 that it was not; return how often it was."""
        with self._writing() as at:
            at.execute("UPDATE result SET tries = tries + ? WHERE key = ?", (more, result.key))
            return int(at.execute("SELECT tries FROM result WHERE key = ?", (result.key,)).fetchone()[0])

    def move_result(
        self, result: NodeResult, state: SeriesState, *, due: float = 0.0, failure: Failure | None = None
    ) -> None:
        """Enter a state of a result, and what follows of it for its series."""
        said = failure or Failure()
        with self._writing() as at:
            at.execute(
                "UPDATE result SET since = CASE WHEN state = ?1 THEN since ELSE ?2 END, state = ?1, due = ?3, "
                "code = ?4, message = ?5 WHERE key = ?6",
                (state.value, time.time(), due, said.code, said.message, result.key),
            )
            if state is SeriesState.QUARANTINED:
                at.execute(
                    "UPDATE series SET code = ?, message = ? WHERE uid = ? AND version = ?",
                    (said.code, said.message, result.series, result.version),
                )
            _follow(at, result.series)

    # what may go

    def old(self, before: float) -> list[str]:
        """Return the series that are done since before some time, and of which nothing was promised."""
        marks = ",".join("?" * len(DONE))
        rows = self.asked(
            f"SELECT uid FROM series AS s WHERE state IN ({marks}) AND since < ? AND EXISTS "
            "(SELECT 1 FROM instance WHERE series = s.uid AND NOT gone) AND NOT EXISTS "
            "(SELECT 1 FROM instance WHERE series = s.uid AND promised) AND NOT EXISTS "
            "(SELECT 1 FROM result WHERE series = s.uid AND state IN (?, ?) AND due < 9e999)",
            *(s.value for s in DONE),
            before,
            SeriesState.DERIVED.value,
            SeriesState.SENT.value,
        )
        return [row[0] for row in rows]

    def remove(self, series: str) -> list[str]:
        """Enter that the files of a series are gone, if nothing came to it; return the folders of its results."""
        with self._writing() as at:
            row = at.execute("SELECT state FROM series WHERE uid = ?", (series,)).fetchone()
            if row is None or SeriesState(row[0]) not in DONE:
                return []
            at.execute("UPDATE instance SET gone = 1 WHERE series = ?", (series,))
            rows = at.execute("SELECT folder FROM result WHERE series = ? AND NOT gone", (series,)).fetchall()
            at.execute("UPDATE result SET gone = 1 WHERE series = ?", (series,))
        return [row[0] for row in rows]

    def held_bytes(self) -> int:
        """Return how many bytes the files are that are kept."""
        sums = [
            self.asked(f"SELECT coalesce(sum(size), 0) FROM {table} {which}")[0][0]
            for table, which in (("instance", "WHERE NOT gone"), ("result", "WHERE NOT gone"), ("conflict", ""))
        ]
        return int(sum(sums))


def _moved(at: sqlite3.Connection, series: NodeSeries, state: SeriesState, failure: Failure) -> bool:
    values = (state.value, time.time(), failure.code, failure.message, failure.flag, failure.trace)
    return (
        at.execute(
            "UPDATE series SET state = ?, since = ?, tries = 0, due = 0, code = ?, message = ?, flag = ?, trace = ? "
            "WHERE uid = ? AND version = ?",
            (*values, series.uid, series.version),
        ).rowcount
        == 1
    )


def _follow(at: sqlite3.Connection, series: str) -> None:
    """Let a series be as far as the results of what it consists of now, unless something else became of it."""
    rows = at.execute(
        "SELECT result.state, series.state FROM result JOIN series ON series.uid = result.series "
        "AND series.version = result.version WHERE result.series = ?",
        (series,),
    ).fetchall()
    if rows and SeriesState(rows[0][1]) in RESULT_STATES:
        state = least([SeriesState(row[0]) for row in rows])
        at.execute(
            "UPDATE series SET since = CASE WHEN state = ?1 THEN since ELSE ?2 END, state = ?1 WHERE uid = ?3",
            (state.value, time.time(), series),
        )
