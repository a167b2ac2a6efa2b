"""One map of UIDs for a whole run: the same UID becomes the same new one in every object, and well-known ones stay.

New UIDs follow of the key (HMAC into 2.25, PS3.5 B.2): no table is needed, several processes agree without a word, and
nobody without the key can test a guess. ``--uid-map`` keeps what became of what for whoever has to find the way back,
and for other runs: what is in the map wins over the key.

*2026-11-30, random UIDs follow of a key too.* A map that was made without a key holds a random one. What another run
lost of its map in a crash is then made again as it was, and dates and names of patients agree with its UIDs.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from pydicom._uid_dict import UID_dictionary
from pydicom.datadict import keyword_for_tag

from derive.deidentification.run.keys import KeyedSecrets, random_secrets
from derive.errors import UsageError
from derive.told.secrecy import shown_uid

#: Root of what the standard registers (PS3.5 9.1).
_DICOM_ROOT = "1.2.840.10008."
#: New UIDs are remembered, which is faster than to compute them anew, up to so many.
_MOST_KEPT = 1 << 16
#: What UIDs mean that name no entity of anybody: what something is, how it is written, whose words are used.
_KINDS = ("SOPClass", "TransferSyntaxUID", "CodingSchemeUID", "ContextUID", "MappingResourceUID")
_OTHER_KINDS = frozenset(["ImplementationClassUID", "SOPClassesInStudy", "SOPClassesSupported"])
#: Processes wait so long for each other.
_PATIENCE_S = 60.0
_LONGEST = 64
#: No process waits for the disk at each row: what a crash of the machine takes is made again as it was.
_BEGINNING = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=NORMAL",
    "CREATE TABLE IF NOT EXISTS uids (old TEXT PRIMARY KEY, new TEXT NOT NULL UNIQUE) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS key (value BLOB NOT NULL)",
)


@cache
def _listed() -> frozenset[str]:
    return frozenset(UID_dictionary)


def is_well_known(uid: str) -> bool:
    """Whether a UID means the same to everybody (PS3.6 Annex A): classes, syntaxes, coding schemes, well-known spaces.

    Examples
    --------
    >>> is_well_known("1.2.840.10008.5.1.4.1.1.2"), is_well_known("1.2.840.113619.2.1")
    (True, False)
    """
    return uid.startswith(_DICOM_ROOT) or uid in _listed()


@cache
def names_a_kind(tag: int) -> bool:
    """Whether the UIDs of an attribute say what something is, and never which one: a vendor's own class is no entity.

    Examples
    --------
    >>> [names_a_kind(tag) for tag in (0x00081150, 0x00081155, 0x0008010C)]
    [True, False, True]
    """
    keyword = keyword_for_tag(tag)
    return keyword in _OTHER_KINDS or any(kind in keyword for kind in _KINDS)


def _plain(uid: str) -> str:
    return uid.strip(" \0")


@dataclass(frozen=True)
class KeyedUids:
    """New UIDs by a key.

    Parameters
    ----------
    secrets : KeyedSecrets
    removes_external : bool
        Whether references that lead out of the set go; they are mapped like all others elsewhere.
    """

    secrets: KeyedSecrets
    removes_external: bool = False
    _known: dict[str, str] = field(default_factory=dict, repr=False, compare=False)
    _inside: set[int] = field(default_factory=set, repr=False, compare=False)

    def new(self, uid: str) -> str:
        """Return what a UID is replaced by: always the same, and a well-known one by itself."""
        uid = _plain(uid)
        new = self._known.get(uid)
        if new is None:
            if len(self._known) >= _MOST_KEPT:
                self._known.clear()
            new = self._known[uid] = uid if not uid or is_well_known(uid) else self._made(uid)
        return new

    def leads_out(self, uid: str) -> bool:
        """Whether a reference is to nothing of the set, and such references are to go."""
        uid = _plain(uid)
        return self.removes_external and bool(uid) and not is_well_known(uid) and _short(uid) not in self._inside

    def seen(self, uids: Iterable[str]) -> None:
        """Hear which UIDs name something of the set, before the first object of it is changed."""
        if self.removes_external:
            self._inside.update(_short(_plain(uid)) for uid in uids)

    def close(self) -> None:
        """Nothing is open."""

    def _made(self, uid: str) -> str:
        return f"2.25.{uuid.UUID(bytes=self.secrets.digest('UID', uid.encode())[:16], version=5).int}"

    def __getstate__(self) -> dict[str, Any]:
        """What another process is given: what follows anyway is no part of it."""
        return self.__dict__ | {"_known": {}}


def _short(uid: str) -> int:
    """Eight bytes for a UID: a set of millions of objects is held in memory."""
    return int.from_bytes(hashlib.blake2b(uid.encode(), digest_size=8).digest(), "big")


@dataclass(frozen=True)
class RecordedUids(KeyedUids):
    """New UIDs that a map keeps, an SQLite file with a row for each (``uids``: ``old``, ``new``).

    Several processes may use it at once. It leads back to the patients: only its owner may read it.

    Parameters
    ----------
    path : Path
    writes : bool
        Whether new rows are kept; a dry run only reads.
    """

    path: Path = Path()
    writes: bool = True
    _open: dict[int, sqlite3.Connection] = field(default_factory=dict, repr=False, compare=False)

    def _made(self, uid: str) -> str:
        map_ = self._connection()
        row = map_.execute("SELECT new FROM uids WHERE old = ?", (uid,)).fetchone()
        if row is None and not self.writes:
            return super()._made(uid)
        if row is None:
            map_.execute("INSERT OR IGNORE INTO uids VALUES (?, ?)", (uid, super()._made(uid)))
            row = map_.execute("SELECT new FROM uids WHERE old = ?", (uid,)).fetchone()
        return str(row[0])

    def _connection(self) -> sqlite3.Connection:
        """The connection of this process: SQLite's do not survive a fork, and may not even be closed after one."""
        if os.getpid() not in self._open:
            self._open[os.getpid()] = opened(self.path, self.writes)
        return self._open[os.getpid()]

    def close(self) -> None:
        """Close the map, so that it is one file: nothing is lost where nobody does."""
        map_ = self._open.pop(os.getpid(), None) or opened(self.path, self.writes)
        map_.close()

    def __getstate__(self) -> dict[str, Any]:
        """What another process is given: it opens the map itself."""
        return super().__getstate__() | {"_open": {}}


def opened(path: Path, writes: bool = True) -> sqlite3.Connection:
    """Open a map, or begin one.

    Raises
    ------
    UsageError
        ``DEID-UID-MAP`` for a file that is no map, or cannot be written.
    """
    try:
        if writes and not path.exists():
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
        where = f"{path.resolve().as_uri()}?mode={'rw' if writes else 'ro'}"
        map_ = sqlite3.connect(where, _PATIENCE_S, isolation_level=None, check_same_thread=False, uri=True)
        if writes:
            for statement in _BEGINNING:
                map_.execute(statement)
        map_.execute("SELECT old, new FROM uids LIMIT 1").fetchone()
    except (OSError, sqlite3.Error) as error:
        raise UsageError("DEID-UID-MAP", f"{path} cannot be used as a map of UIDs: {error}") from error
    return map_


def secrets_kept(path: Path, writes: bool = True) -> KeyedSecrets:
    """Return the random secrets that a map keeps, of its first run without a key; others where it only is read."""
    map_ = opened(path, writes)
    try:
        map_.execute("BEGIN IMMEDIATE" if writes else "BEGIN")
        row = map_.execute("SELECT value FROM key").fetchone()
        if row is None and not writes:
            return random_secrets()
        if row is None:
            row = (random_secrets().key,)
            map_.execute("INSERT INTO key VALUES (?)", row)
        map_.execute("COMMIT")
    finally:
        map_.close()
    return KeyedSecrets(row[0])


def checked_map(path: Path, writes: bool = True) -> None:
    """Refuse a map that would make objects that are none, or leave a UID as it was.

    Raises
    ------
    UsageError
        ``DEID-UID-MAP``.
    """
    map_ = opened(path, writes)
    try:
        for old, new in map_.execute("SELECT old, new FROM uids"):
            if len(new) > _LONGEST or shown_uid(new) != new:
                raise UsageError("DEID-UID-MAP", f"{path} gives a new UID that is none: {shown_uid(new)}")
            if old == new:
                raise UsageError("DEID-UID-MAP", f"{path} leaves a UID as it is, which is no new one: {new}")
    finally:
        map_.close()
