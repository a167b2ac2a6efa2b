"""What was begun and what became of it, for good: a run that is killed goes on where it was.

``ledger.jsonl`` is the truth, and only grows. A line says that a series is begun under a rule (its slot), what its
result follows from (digest), and where it will lie; another one how that ended. A result appears in its folder at one
stroke (:mod:`derive.writing.atomic`): so of a slot that was begun and did not end, either the folder is there as a
whole, or nothing is.

*2026-12-01, a table beside the journal.* What the journal says is put into an SQLite file when it is opened, and asked
there: a ledger of a million series is not held in memory. The file is made anew each time, and can be deleted.
"""

from __future__ import annotations

import json
import os
import secrets
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from derive.errors import OutputError
from derive.many.deriving import files_in
from derive.many.journal import Journal, lines_of
from derive.many.outcome import Ending, Outcome
from derive.writing.ours import contents_of
from derive.writing.unfinished import recover

SCHEMA = "derive-ledger/1"
JOURNAL, TABLE = "ledger.jsonl", "ledger.sqlite"
_TABLES = """
CREATE TABLE slots (slot TEXT PRIMARY KEY, digest TEXT, outcomes TEXT, begun TEXT) WITHOUT ROWID;
CREATE TABLE folders (folder TEXT PRIMARY KEY, slot TEXT) WITHOUT ROWID;
"""
#: Refused before, and nothing changed: it would be refused again.
_STANDING = (Ending.DONE, Ending.REFUSED, Ending.SKIPPED)


class Intent(NamedTuple):
    """What is about to be made.

    Parameters
    ----------
    slot : str
        Which series under which rule.
    digest : str
        What the result follows from.
    folder : str
        Where it will lie, below the output; empty where that is not known yet, or where it goes to an archive.
    was : int
        Number in the file system of the folder that it replaces; 0 where nothing is there.
    """

    slot: str
    digest: str
    folder: str = ""
    was: int = 0


class Known(NamedTuple):
    """What a ledger knows of a slot: the last digest that ended, and how."""

    digest: str
    outcomes: tuple[Outcome, ...]


class Ledger:
    """The ledger of one output; use it in a ``with`` block, in one thread.

    Parameters
    ----------
    folder : Path
        Where its files lie.
    output : Path, optional
        What folders of results are below; None where results go to an archive.
    """

    def __init__(self, folder: Path, output: Path | None) -> None:
        self._output = output
        self._journal = Journal(folder / JOURNAL)
        table = folder / TABLE
        table.unlink(missing_ok=True)
        self._db = sqlite3.connect(table, isolation_level=None)
        self._db.executescript(f"PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; {_TABLES} BEGIN;")
        self.moment, self.salt = datetime.now().astimezone(), secrets.token_hex(16)
        is_new = True
        for line in lines_of(folder / JOURNAL):
            is_new = False
            self._take(line)
        self._db.execute("COMMIT")
        if is_new:
            about = {"schema": SCHEMA, "at": self.moment.isoformat(timespec="microseconds"), "salt": self.salt}
            self._journal.append({"ledger": about})

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self._journal.close()
        self._db.close()

    def known(self, slot: str) -> Known | None:
        """Return what became of a slot; None where nothing ended."""
        row = self._db.execute("SELECT digest, outcomes FROM slots WHERE slot = ?", (slot,)).fetchone()
        if row is None or row[0] is None:
            return None
        return Known(row[0], tuple(map(Outcome.from_json, json.loads(row[1]))))

    def stands(self, slot: str, digest: str) -> tuple[Outcome, ...]:
        """Return how a slot ended, if that still stands: it follows from the same, and its results are still there."""
        known = self.known(slot)
        if known is None or known.digest != digest or any(o.ending not in _STANDING for o in known.outcomes):
            return ()
        if self._output is not None and not all(map(self._is_there, known.outcomes)):
            return ()
        return known.outcomes

    def owner(self, folder: str) -> str | None:
        """Return the slot that a folder of results is of; None where the ledger knows of none."""
        row = self._db.execute("SELECT slot FROM folders WHERE folder = ?", (folder,)).fetchone()
        return None if row is None else str(row[0])

    def begin(self, intents: Iterable[Intent]) -> None:
        """Say what is about to be made, before anything of it is."""
        lines = [{"begun": i.slot, "digest": i.digest, "folder": i.folder, "was": i.was} for i in intents]
        self._journal.append(*lines)
        for line in lines:
            self._take(line)

    def end(self, slot: str, digest: str, outcomes: Iterable[Outcome]) -> None:
        """Say what became of it."""
        told = [o.to_json() for o in outcomes]
        for each in told:  # a report has them; a ledger grows with every run
            for name in ("trace", "files"):
                each.pop(name, None)
        line = {"ended": slot, "digest": digest, "outcomes": told}
        self._journal.append(line)
        self._take(line)

    def settle(self) -> None:
        """Put in order what a run left that was killed: a result that was complete, and not said to be, is."""
        rows = self._db.execute("SELECT slot, begun FROM slots WHERE begun IS NOT NULL").fetchall()
        for slot, begun in rows:
            intent = Intent(slot, *json.loads(begun))
            if self._output is None or not intent.folder:
                continue
            folder = self._output / intent.folder
            with suppress(OSError):
                recover(folder.parent)
            outcome = complete(folder, intent.was)
            if outcome is not None:
                outcome = outcome.of(*slot.split(" ", 1)).at(intent.folder)
                self.end(slot, intent.digest, [outcome])

    def _take(self, line: Mapping[str, Any]) -> None:
        if "ledger" in line:
            about = line["ledger"]
            if about.get("schema") != SCHEMA:
                raise OutputError("OUT-FOREIGN", f"{JOURNAL} is of another version of derive; choose another output")
            self.moment, self.salt = datetime.fromisoformat(about["at"]).astimezone(UTC), about["salt"]
            return
        slot = line.get("begun") or line.get("ended")
        if slot is None:
            return
        self._db.execute("INSERT OR IGNORE INTO slots VALUES (?, NULL, NULL, NULL)", (slot,))
        if "begun" in line:
            begun = json.dumps([line["digest"], line["folder"], line["was"]])
            self._db.execute("UPDATE slots SET begun = ? WHERE slot = ?", (begun, slot))
            self._own(line["folder"], slot)
            return
        said = (line["digest"], json.dumps(line["outcomes"]), slot)
        self._db.execute("UPDATE slots SET digest = ?, outcomes = ?, begun = NULL WHERE slot = ?", said)
        for outcome in line["outcomes"]:
            self._own(outcome.get("folder", ""), slot)

    def _own(self, folder: str, slot: str) -> None:
        if folder:
            self._db.execute("INSERT OR REPLACE INTO folders VALUES (?, ?)", (folder, slot))

    def _is_there(self, outcome: Outcome) -> bool:
        """Whether a result is there as it was made: as many files, of as many bytes."""
        if outcome.ending is not Ending.DONE:
            return True
        if self._output is None or not outcome.folder:
            return False
        try:
            return weight_of(self._output / outcome.folder) == (outcome.facts["files"], outcome.facts["bytes"])
        except (OSError, KeyError):
            return False


def complete(folder: Path, was: int = 0) -> Outcome | None:
    """Return the outcome of a result that appeared in its folder and was never told of; None where none did.

    Parameters
    ----------
    folder : Path
    was : int
        Number of the folder that was there before; 0 for none.
    """
    if number_of(folder) in (0, was):
        return None
    try:
        files, size = weight_of(folder)
        if not files or contents_of(folder, None).foreign:
            return None
    except OSError:
        return None
    facts = {"files": files, "bytes": size}
    return Outcome(Ending.DONE, message="found complete after an interruption", files=files_in(folder), facts=facts)


def number_of(folder: Path) -> int:
    """Return the number of a folder in the file system; 0 where there is none."""
    try:
        return os.stat(folder).st_ino
    except OSError:
        return 0


def weight_of(folder: Path) -> tuple[int, int]:
    """Return how many files are in a folder and below, and how many bytes they have."""
    sizes = [(folder / name).stat().st_size for name in files_in(folder)]
    return len(sizes), sum(sizes)
