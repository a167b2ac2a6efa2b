"""The index of a tree: of every file its size, its time and what a plan asks of it, in SQLite beside the results.

Headers are read once. A later scan reads what is new or changed, and forgets what is gone; what another plan asks for
beside that is read when it does. Memory does not grow with the tree: files come one after another and go in.

It holds values of headers, and lies in a folder that only its owner may look into.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Set
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from derive.errors import OutputError, SourceError
from derive.many.facts import ALWAYS, facts_of, merged
from derive.many.walking import Stamped, walk
from derive.model.source import Skipped
from derive.reading.files import Unreadable, plain, shown_name, unreadable
from derive.reading.header import Header, Reader
from derive.told.progress import counting

_SCHEMA = """
CREATE TABLE IF NOT EXISTS about (name TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS folders (id INTEGER PRIMARY KEY, path BLOB UNIQUE);
CREATE TABLE IF NOT EXISTS facts (id INTEGER PRIMARY KEY, told TEXT UNIQUE);
CREATE TABLE IF NOT EXISTS files (
    folder INTEGER, name BLOB, size INTEGER, modified INTEGER, number TEXT, scan INTEGER,
    kind TEXT, code TEXT, reason TEXT, series TEXT, instance TEXT, facts INTEGER, samples INTEGER, content TEXT,
    PRIMARY KEY (folder, name)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS of_series ON files (series) WHERE series != '';
CREATE INDEX IF NOT EXISTS of_kind ON files (kind) WHERE kind != 'image';
"""
_VERSION = "1"
#: Files that are read between two moments at which what was read is kept, and by one reader, which remembers values.
_AT_ONCE = 2000
#: Bytes of a file that are digested at a stretch.
_CHUNK = 1 << 20


class SeriesFiles(NamedTuple):
    """The files of a series.

    Parameters
    ----------
    uid : str
    paths : tuple of str
        Each file once, under one of its names.
    samples : int
        Of all pixels.
    size : int
        Bytes.
    digest : str
        Of the SOP Instance UIDs, the sizes and the times.
    """

    uid: str
    paths: tuple[str, ...]
    samples: int
    size: int
    digest: str


class ScanCounts(NamedTuple):
    """What a scan met: instances of series, files that are no instances, and what cannot be read."""

    instances: int = 0
    others: int = 0
    unread: int = 0


class TreeIndex:
    """An index of one file; use it in a ``with`` block, and in one thread.

    Parameters
    ----------
    path : Path

    Raises
    ------
    OutputError
        ``OUT-WRITE``, ``OUT-FOREIGN``.
    """

    def __init__(self, path: Path) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, isolation_level=None)
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = NORMAL")
            self._db.executescript(_SCHEMA)
        except (OSError, sqlite3.DatabaseError) as error:
            text = f"{path.name} cannot be used as an index ({type(error).__name__}); remove it, and it is made anew"
            raise OutputError("OUT-FOREIGN", text) from error
        if self._said("version", _VERSION) != _VERSION:
            self._db.executescript("DELETE FROM files; DELETE FROM facts; DELETE FROM folders;")
        self._say("version", _VERSION)

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self._db.close()

    def scan(self, roots: Iterable[Path], keywords: Set[str], without: Path | None = None) -> ScanCounts:
        """Look at a tree again: read what is new or changed, and forget what is gone.

        Parameters
        ----------
        roots : iterable of Path
        keywords : set of str
            What a plan asks for.
        without : Path, optional
            The folder of the results, which is passed over.
        """
        known = frozenset(json.loads(self._said("keywords", "[]")))
        wanted = known | keywords | ALWAYS
        if not wanted <= known:
            self._db.execute("UPDATE files SET modified = -1")  # all are read again: something else is asked
            self._say("keywords", json.dumps(sorted(wanted)))
        scan = int(self._said("scan", "0")) + 1
        self._say("scan", str(scan))
        self._db.execute("BEGIN")
        reader, folders = Reader(), _Folders(self._db)
        for number, met in enumerate(counting("reading", walk(roots, without)), 1):
            self._take(met, scan, _Read(reader, wanted), folders, number)
            if number % _AT_ONCE == 0:
                self._db.execute("COMMIT")
                self._db.execute("BEGIN")
                reader = Reader()
        self._db.execute("DELETE FROM files WHERE scan != ?", (scan,))
        self._db.execute("DELETE FROM facts WHERE id NOT IN (SELECT facts FROM files WHERE facts IS NOT NULL)")
        self._db.execute("COMMIT")
        return self.counts()

    def counts(self) -> ScanCounts:
        """Return how many there are of each kind."""
        found = dict(self._db.execute("SELECT kind, COUNT(*) FROM files GROUP BY kind"))
        return ScanCounts(found.get("image", 0), found.get("other", 0), found.get("unread", 0))

    def series(self) -> Iterator[str]:
        """Give the UIDs of all series, in order."""
        with closing(self._db.cursor()) as cursor:
            for (uid,) in cursor.execute("SELECT DISTINCT series FROM files WHERE series != '' ORDER BY series"):
                yield uid

    def unread(self) -> Iterator[Unreadable]:
        """Give what cannot be read, in order."""
        query = "SELECT name, instance, code, reason FROM files WHERE kind = 'unread' ORDER BY folder, name"
        with closing(self._db.cursor()) as cursor:
            for name, told, code, reason in cursor.execute(query):
                yield Unreadable(told or shown_name(os.fsdecode(name)), code, reason)

    def facts(self, uid: str) -> dict[str, str]:
        """Return what a series says, as rules are asked."""
        query = "SELECT told FROM facts WHERE id IN (SELECT facts FROM files WHERE series = ?) ORDER BY id"
        told = [json.loads(row[0]) for row in self._db.execute(query, (uid,))]
        count = "SELECT COUNT(DISTINCT number) FROM files WHERE series = ?"
        return merged(told, self._db.execute(count, (uid,)).fetchone()[0])

    def files(self, uid: str, *, content: bool = False) -> SeriesFiles:
        """Return the files of a series.

        *2026-12-01, a file that cannot be read.* Nobody knows of which series it is. Where it lies in a folder with
        images of one series only, and several of them, it is taken for one, and the series is refused as the command
        line refuses it: without it a volume could end too early, and nobody would see that. Beside several series it
        belongs to none, or one bad file would stop them all; it is told.

        Parameters
        ----------
        uid : str
        content : bool
            Whether the digest is of the bytes of the files, in place of their sizes and times.
        """
        query = """SELECT path, name, size, modified, instance, samples, number, folder FROM files
            JOIN folders ON folders.id = folder WHERE series = ? ORDER BY path, name"""
        rows: dict[str, tuple[str, int, int, str, int, int]] = {}
        for path, name, size, modified, instance, samples, number, folder in self._db.execute(query, (uid,)):
            rows.setdefault(number, (_joined(path, name), size, modified, instance, samples, folder))
        held = Counter(row[5] for row in rows.values())
        strays = [f for folder, n in sorted(held.items()) if n > 1 or n == len(rows) for f in self._strays(folder)]
        digest = hashlib.sha256()
        for path, size, modified, instance, *_ in sorted(rows.values(), key=lambda row: (row[3], row[1], row[2])):
            said = self._content(path) if content else f"{size} {modified}"
            digest.update(f"{instance} {said}\n".encode())
        digest.update("".join(f"{stray}\n" for stray in strays).encode("utf-8", "surrogateescape"))
        samples, size = sum(row[4] for row in rows.values()), sum(row[1] for row in rows.values())
        return SeriesFiles(uid, (*(row[0] for row in rows.values()), *strays), samples, size, digest.hexdigest())

    def _strays(self, folder: int) -> list[str]:
        """Files of a folder that cannot be read, where all others are of one series."""
        query = "SELECT COUNT(DISTINCT series) FROM files WHERE folder = ? AND series != ''"
        if self._db.execute(query, (folder,)).fetchone()[0] != 1:
            return []
        query = """SELECT path, name FROM files JOIN folders ON folders.id = folder
            WHERE folder = ? AND kind = 'unread' AND number != '' ORDER BY name"""
        return [_joined(path, name) for path, name in self._db.execute(query, (folder,))]

    def _take(self, met: Stamped | Unreadable, scan: int, read: _Read, folders: _Folders, number: int) -> None:
        if isinstance(met, Unreadable):
            lost = (folders.id(b""), str(number).encode(), 0, 0, "", scan, "unread", met.code, met.reason, met.name)
            self._db.execute(f"{_PUT} VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, '', ?, NULL, 0, '')", lost)
            return
        folder, name = folders.id(os.fsencode(met.folder)), os.fsencode(met.name)
        same = "UPDATE files SET scan = ? WHERE folder = ? AND name = ? AND size = ? AND modified = ? AND number = ?"
        if self._db.execute(same, (scan, folder, name, met.size, met.modified, met.number)).rowcount:
            return
        kind, code, reason, series, instance, facts, samples = read.of(Path(met.folder) / met.name)
        told = None if facts is None else self._facts_id(facts)
        row = (folder, name, met.size, met.modified, met.number, scan, kind, code, reason)
        values = (*row, series, instance, told, samples, "")
        self._db.execute(f"{_PUT} VALUES ({', '.join('?' * len(values))})", values)

    def _facts_id(self, told: str) -> int:
        self._db.execute("INSERT OR IGNORE INTO facts (told) VALUES (?)", (told,))
        return int(self._db.execute("SELECT id FROM facts WHERE told = ?", (told,)).fetchone()[0])

    def _content(self, path: str) -> str:
        """Digest of the bytes of a file, which is kept as long as its size and time are."""
        folder, name = (os.fsencode(part) for part in os.path.split(path))
        where = "WHERE name = ? AND folder = (SELECT id FROM folders WHERE path = ?)"
        known = self._db.execute(f"SELECT content FROM files {where}", (name, folder)).fetchone()[0]
        if known:
            return str(known)
        try:
            with open(path, "rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError:
            return "gone"
        self._db.execute(f"UPDATE files SET content = ? {where}", (found, name, folder))
        return found

    def _said(self, name: str, otherwise: str) -> str:
        row = self._db.execute("SELECT value FROM about WHERE name = ?", (name,)).fetchone()
        return str(row[0]) if row else otherwise

    def _say(self, name: str, value: str) -> None:
        self._db.execute("INSERT OR REPLACE INTO about VALUES (?, ?)", (name, value))


_PUT = """INSERT OR REPLACE INTO files
    (folder, name, size, modified, number, scan, kind, code, reason, series, instance, facts, samples, content)"""


class _Read(NamedTuple):
    """Reads what is asked of files."""

    reader: Reader
    keywords: Set[str]

    def of(self, path: Path) -> tuple[str, str, str, str, str, str | None, int]:
        """Return kind, code, reason, series, instance, facts and samples."""
        origin = plain(path)
        try:
            header = self.reader.read(origin)
            if isinstance(header, Skipped):
                return ("other", "", header.reason, "", "", None, 0)
            return self._image(header)
        except Exception as error:  # whatever is wrong with one file is no matter of the others
            fault = unreadable(origin.name, error)
            return ("unread", fault.code, fault.reason, "", "", None, 0)

    def _image(self, header: Header) -> tuple[str, str, str, str, str, str | None, int]:
        facts, samples = facts_of(header, self.keywords)
        series, instance = facts.get("SeriesInstanceUID", ""), header.lenient.text("SOPInstanceUID")
        if not series:
            raise SourceError("SRC-UID", f"{header.name} has no Series Instance UID")
        return ("image", "", "", series, instance, json.dumps(facts, sort_keys=True), samples)


class _Folders:
    """Numbers of folders; of the last one it is remembered, since files come folder by folder."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db, self._last, self._id = db, b"\0", 0

    def id(self, path: bytes) -> int:
        """Return the number of a folder."""
        if path != self._last:
            self._db.execute("INSERT OR IGNORE INTO folders (path) VALUES (?)", (path,))
            self._id = self._db.execute("SELECT id FROM folders WHERE path = ?", (path,)).fetchone()[0]
            self._last = path
        return self._id


def _joined(folder: bytes, name: bytes) -> str:
    """Return a path; names are kept as the bytes that they are, which need not be characters."""
    return os.path.join(os.fsdecode(folder), os.fsdecode(name))
