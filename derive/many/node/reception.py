"""What becomes of one instance that comes, over whichever protocol: kept, known already, or refused with a status.

2026-12-01, another instance of a UID that is there: it is kept aside and refused with 0x0111, and the series goes on
with what came first. Which of the two is right nobody knows here; who sent it is told, and the file is there for who
looks into it.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import sqlite3
import threading
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from derive.many.node.entries import NodeInstance
from derive.many.node.ledger import NodeLedger
from derive.many.node.sameness import mean_the_same
from derive.many.node.states import SeriesState
from derive.many.node.store import NodeStore
from derive.pacs.dimse.intake import DUPLICATE, NOT_UNDERSTOOD, OUT_OF_RESOURCES, SUCCESS
from derive.pacs.matching import is_harmless_uid
from derive.pacs.service.index import Kept, read_kept

#: PS3.4 B.2.3: the data set does not match the SOP Class, here that which was announced.
NOT_AS_ANNOUNCED = 0xA900
#: Instances whose UIDs have the same remainder are taken one after the other.
_LOCKS = 64
_UIDS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
_log = logging.getLogger(__name__)


class Reply(NamedTuple):
    """What who sent an instance is told.

    Parameters
    ----------
    status : int
        Of C-STORE (PS3.4 B.2.3).
    comment : str
        Why it is refused.
    uid, sop_class : str
        Of the instance, where they could be read.
    """

    status: int
    comment: str = ""
    uid: str = ""
    sop_class: str = ""


class Reception:
    """Takes instances; by several threads at once.

    Parameters
    ----------
    store : NodeStore
    ledger : NodeLedger
    """

    def __init__(self, store: NodeStore, ledger: NodeLedger) -> None:
        self._store, self._ledger = store, ledger
        self._locks = [threading.Lock() for _ in range(_LOCKS)]
        self.counts: Counter[str] = Counter()
        self.closing = False

    def take(self, data: bytes, **announced: str) -> Reply:
        """Take a Part 10 file; when 0x0000 comes back it is on the disk, and so is its entry in the ledger.

        Parameters
        ----------
        data : bytes
        **announced
            What the request says of it, by keyword: ``SOPInstanceUID``, ``SOPClassUID``, ``StudyInstanceUID``.
        """
        reply = self._taken(data, announced)
        self.counts[f"0x{reply.status:04X}"] += 1
        if reply.status != SUCCESS:
            _log.warning("an instance is refused with 0x%04X: %s", reply.status, reply.comment)
        return reply

    def _taken(self, data: bytes, announced: Mapping[str, str]) -> Reply:
        try:
            kept = read_kept(Path(), data, legal_only=False)
        except ValueError as error:
            return Reply(NOT_UNDERSTOOD, str(error))
        uid, sop_class = kept.sop_instance_uid, kept.sop_class_uid
        if any(kept.values[keyword] != said for keyword, said in announced.items()):
            return Reply(NOT_AS_ANNOUNCED, "the data set has other UIDs than the request", uid, sop_class)
        if not all(is_harmless_uid(kept.values[keyword]) for keyword in _UIDS):
            return Reply(NOT_UNDERSTOOD, "a UID is none, and can be no file name", uid, sop_class)
        came = instance_of(kept, data)
        with self._locks[hash(uid) % _LOCKS]:
            if self.closing:
                return Reply(OUT_OF_RESOURCES, "the node is closing", uid, sop_class)
            try:
                status, comment = self._judged(came, data)
            except sqlite3.Error as error:  # its disk is full, say; who sends tries again
                return Reply(OUT_OF_RESOURCES, f"the ledger cannot be written ({type(error).__name__})", uid, sop_class)
        return Reply(status, comment, uid, sop_class)

    def _judged(self, came: NodeInstance, data: bytes) -> tuple[int, str]:
        there = self._ledger.instance(came.uid)
        if there is not None and not self._is_the_same(there, came, data):
            return self._aside(came, data)
        if there is not None and not self._is_wanted_again(there):
            self.counts["duplicates"] += 1
            return SUCCESS, ""
        if self._ledger.is_made(came.series):
            # What was made here came back: there is nothing to be done with it, so nothing to be kept.
            self.counts["own"] += 1
            return SUCCESS, ""
        if not self._store.room_for(came.size):
            return OUT_OF_RESOURCES, "the disk is full, or what the node may take of it"
        try:
            self._store.keep(self._store.path(came.series, came.uid), data)
        except OSError as error:
            return OUT_OF_RESOURCES, f"it cannot be written ({error.strerror})"
        if self._ledger.receive(came):
            _log.warning("series %s: an instance came after it was complete; it is derived anew", came.series)
        self.counts["kept"] += 1
        return SUCCESS, ""

    def _is_the_same(self, there: NodeInstance, came: NodeInstance, data: bytes) -> bool:
        if there.series != came.series or there.digest == came.digest:
            return there.series == came.series
        path = self._store.path(there.series, there.uid)
        return there.syntax != came.syntax and path.is_file() and mean_the_same(path.read_bytes(), data)

    def _is_wanted_again(self, there: NodeInstance) -> bool:
        """Whether a file that was removed is needed, since its series is no longer done."""
        if not there.gone:
            return False
        series = self._ledger.one_series(there.series)
        return series is not None and series.state in (SeriesState.RECEIVED, SeriesState.QUARANTINED)

    def _aside(self, came: NodeInstance, data: bytes) -> tuple[int, str]:
        """Keep another instance of a UID aside, once."""
        path = self._store.conflicts / f"{came.uid}.{came.digest[:16]}.dcm"
        if not path.exists() and self._store.room_for(came.size):
            try:
                self._store.keep(path, data)
            except OSError as error:
                return OUT_OF_RESOURCES, f"it cannot be written ({error.strerror})"
            self._ledger.conflict(came)
            _log.warning(
                "instance %s came with other contents than before; it is kept aside as %s", came.uid, path.name
            )
        return DUPLICATE, "there with other contents; kept aside"

    def clear(self, series: str) -> None:
        """Remove the files of a series that the ledger says are gone; none that comes meanwhile, or comes again."""
        for uid in [instance.uid for instance in self._ledger.instances(series)]:
            with self._locks[hash(uid) % _LOCKS]:
                came = self._ledger.instance(uid)
                if came is not None and came.gone:
                    self._store.discard(came.series, came.uid)
        with contextlib.suppress(OSError):  # something came
            self._store.series_folder(series).rmdir()

    def adopt(self) -> int:
        """Take what lies in the store and is not in the ledger; say how many that are.

        Its sender was not told that it is kept; or the ledger was lost, and then it was.
        """
        count = 0
        for path in self._store.paths():
            known = self._ledger.instance(path.stem)
            if known is not None:
                if known.gone:
                    path.unlink()
                continue
            try:
                data = path.read_bytes()
                came = instance_of(read_kept(path, data, legal_only=False), data)
            except (OSError, ValueError) as error:
                _log.warning("%s is left out: %s", path.name, error)
                continue
            if (came.series, came.uid) == (path.parent.name, path.stem):
                self._ledger.receive(came)
                count += 1
        return count

    def close(self) -> None:
        """Take nothing more; what is being taken is taken as a whole."""
        self.closing = True
        for lock in self._locks:
            with lock:
                pass


def instance_of(kept: Kept, data: bytes) -> NodeInstance:
    """Return what the ledger says of a Part 10 file."""
    digest = hashlib.sha256(kept.transfer_syntax_uid.encode())
    digest.update(_data_set(data))
    series, study = kept.values["SeriesInstanceUID"], kept.values["StudyInstanceUID"]
    uid, sop_class, syntax = kept.sop_instance_uid, kept.sop_class_uid, kept.transfer_syntax_uid
    return NodeInstance(uid, series, study, sop_class, syntax, digest.hexdigest(), len(data))


def _data_set(data: bytes) -> memoryview:
    """Return what follows the File Meta Information, whose first element is its length (PS3.10 7.1)."""
    view = memoryview(data)
    if data[132:140] != b"\2\0\0\0UL\4\0":
        return view
    return view[144 + int.from_bytes(data[140:144], "little") :]
