"""A small archive for trying out: stores, answers queries, sends back, and commits itself; not for patients' data.

It has NO ACCESS CONTROL and no encryption: whoever can connect can read and add everything. It listens on loopback
unless it is told otherwise. Files lie as ``folder/STUDY/SERIES/INSTANCE.dcm``, with the data sets as they came; what
it sends back is encoded anew by pydicom, which leaves out retired group lengths.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydicom import dcmread
from pydicom.dataset import Dataset

from derive.errors import NetworkError, OutputError
from derive.pacs.dimse.association import VERIFICATION
from derive.pacs.dimse.intake import DUPLICATE, NOT_UNDERSTOOD, OUT_OF_RESOURCES, SUCCESS
from derive.pacs.dimse.listener import opened, serving, settled
from derive.pacs.dimse.proposal import supported_context, supported_storage
from derive.pacs.matching import texts
from derive.pacs.service.commit import Committing
from derive.pacs.service.index import LEVELS, Index, Kept, read_kept
from derive.told.wording import counted
from derive.writing.atomic import write_file
from derive.writing.unfinished import recover

AET = "ARCHIVE"
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
PORT = 11112
_PENDING, _CANCELLED, _NOT_AS_THE_CLASS = 0xFF00, 0xFE00, 0xA900
#: Instances whose UIDs have the same remainder are stored one after the other.
_LOCKS = 64
#: Query/Retrieve SOP Classes of the Patient and Study Root models (PS3.4 C.6).
_QUERY_RETRIEVE = tuple(f"1.2.840.10008.5.1.4.1.2.{model}.{service}" for model in (1, 2) for service in (1, 2, 3))
_PATIENT_ROOT = "1.2.840.10008.5.1.4.1.2.1."
_log = logging.getLogger(__name__)


class ArchiveService:
    """A small archive for trying out, as a context: it runs until the block ends, and keeps its folder.

    C-ECHO, C-STORE, C-FIND (Patient and Study Root), C-GET, C-MOVE to known destinations, and Storage Commitment.
    It has NO ACCESS CONTROL; it refuses nothing but other called AE titles.

    Parameters
    ----------
    folder : Path
        Made if it is not there; what lies in it is in the archive.
    aet : str
    host : str
        Interface to listen at; anything but loopback opens the archive to others.
    port : int
        0: any that is free; see :attr:`port`.
    destinations : mapping AE title -> (host, port), optional
        Where C-MOVE and reports of Storage Commitment can go.
    """

    def __init__(
        self,
        folder: Path,
        *,
        aet: str = AET,
        host: str = "127.0.0.1",
        port: int = PORT,
        destinations: Mapping[str, tuple[str, int]] | None = None,
    ) -> None:
        self.folder, self.aet, self.host, self.port = Path(folder), aet, host, port
        self.destinations = dict(destinations or {})
        self.index = Index()
        self._locks = [threading.Lock() for _ in range(_LOCKS)]
        self._entity: Any = None
        self._ended = False

    def __enter__(self) -> ArchiveService:
        """Read the folder and listen.

        Raises
        ------
        OutputError
            ``OUT-WRITE`` if the folder cannot be made.
        NetworkError
            ``NET-LISTEN`` if the port cannot be used.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError("OUT-WRITE", f"{self.folder} cannot be made: {error.strerror}") from error
        for place in (self.folder, *(p for p in self.folder.rglob("*") if p.is_dir())):
            recover(place)
        self.index.read(self.folder)
        self._entity = serving(self.aet)
        self._entity.maximum_associations = 64
        where, contexts = (self.host, self.port), self._contexts()
        try:
            server = self._entity.start_server(where, block=False, evt_handlers=self._handlers(), contexts=contexts)
        except OSError as error:
            raise NetworkError(
                "NET-LISTEN", f"{self.host}:{self.port} cannot be listened at: {error.strerror}"
            ) from error
        self.port = server.server_address[1]
        _log.log(logging.INFO if self.host in _LOOPBACK else logging.WARNING, "%s", self.describe())
        return self

    def __exit__(self, *_: object) -> None:
        self._ended = True
        self._entity.shutdown()
        for lock in self._locks:  # what is being stored is stored as a whole
            with lock:
                pass

    def describe(self) -> str:
        """Return in words what this is, where, and for whom."""
        return (
            f"{self.aet}@{self.host}:{self.port} keeps {counted(len(self.index), 'instance')} in "
            f"{self.folder}. It is for trying "
            "out: no access control, no encryption, no backup; whoever can connect can read and add everything."
        )

    def _contexts(self) -> list[Any]:
        """Return what is taken; both roles, since instances also go, by C-GET, on associations of the other side."""
        services = [supported_context(uid) for uid in (VERIFICATION, *_QUERY_RETRIEVE)]
        return [
            *services,
            supported_context(Committing.SOP_CLASS, both_roles=True),
            *supported_storage(both_roles=True),
        ]

    def _handlers(self) -> list[tuple[Any, Any]]:
        from pynetdicom import evt

        committing = Committing(self.index, self.destinations, self.aet)
        return [
            (evt.EVT_CONN_OPEN, opened),
            (evt.EVT_ESTABLISHED, settled),
            (evt.EVT_C_STORE, self._store),
            (evt.EVT_C_FIND, self._find),
            (evt.EVT_C_GET, self._get),
            (evt.EVT_C_MOVE, self._move),
            (evt.EVT_N_ACTION, committing.requested),
            (evt.EVT_DIMSE_SENT, committing.answered),
        ]

    def _store(self, event: Any) -> Dataset:
        """Answer C-STORE."""
        data: bytes = event.encoded_dataset()
        try:
            kept = read_kept(Path(), data)
        except ValueError as error:
            return _status(NOT_UNDERSTOOD, str(error))
        uid = kept.sop_instance_uid
        said = (str(event.request.AffectedSOPInstanceUID), str(event.request.AffectedSOPClassUID))
        if said != (uid, kept.sop_class_uid):
            return _status(_NOT_AS_THE_CLASS, "the data set has other SOP UIDs than the request")
        path = self.folder / kept.values["StudyInstanceUID"] / kept.values["SeriesInstanceUID"] / f"{uid}.dcm"
        with self._locks[hash(uid) % _LOCKS]:
            if self._ended:
                return _status(OUT_OF_RESOURCES, "the archive is closing")
            there = self.index.get(uid)
            if there is not None:
                return (
                    _status(SUCCESS)
                    if _same(there, data, kept.transfer_syntax_uid)
                    else _status(DUPLICATE, "there with other contents")
                )
            try:
                write_file(path, data, overwrite=False, tidy=False)
            except OutputError as error:
                return _status(OUT_OF_RESOURCES, error.message)
            self.index.add(Kept(path, kept.transfer_syntax_uid, kept.values))
        _log.info("%s is kept", uid)
        return _status(SUCCESS)

    def _find(self, event: Any) -> Iterator[tuple[int, Dataset | None]]:
        """Answer C-FIND; unique keys of the levels above are not demanded (relational queries)."""
        keys = texts(event.identifier)
        level = keys.pop("QueryRetrieveLevel", "")
        if level not in LEVELS or (level == "PATIENT" and not _of_patient_root(event)):
            yield _NOT_AS_THE_CLASS, None
            return
        for found in self.index.find(level, keys):
            if event.is_cancelled:
                yield _CANCELLED, None
                return
            found.QueryRetrieveLevel, found.RetrieveAETitle = level, self.aet
            yield _PENDING, found

    def _get(self, event: Any) -> Iterator[Any]:
        """Answer C-GET."""
        yield from self._sent(event, self._asked_for(event))

    def _move(self, event: Any) -> Iterator[Any]:
        """Answer C-MOVE."""
        from pynetdicom import evt

        where = self.destinations.get(str(event.move_destination or "").strip())
        if where is None:
            yield None, None
            return
        wanted = self._asked_for(event)
        yield (*where, {"contexts": _contexts(wanted or []), "evt_handlers": [(evt.EVT_ESTABLISHED, settled)]})
        yield from self._sent(event, wanted)

    def _asked_for(self, event: Any) -> list[Kept] | None:
        """Return what a retrieval names by unique keys; None if it names nothing."""
        keys = texts(event.identifier)
        level = keys.get("QueryRetrieveLevel", "")
        if level not in LEVELS or not keys.get(LEVELS[level][0]):
            return None
        unique = {names[0]: keys[names[0]] for names in LEVELS.values() if keys.get(names[0])}
        return self.index.instances(unique)

    def _sent(self, event: Any, wanted: list[Kept] | None) -> Iterator[Any]:
        if wanted is None:
            yield 1  # pynetdicom wants a number before it takes a failure
            yield _NOT_AS_THE_CLASS, None
            return
        yield len(wanted)
        for kept in wanted:
            if event.is_cancelled:
                yield _CANCELLED, None
                return
            yield _PENDING, dcmread(kept.path)


def _of_patient_root(event: Any) -> bool:
    return str(event.request.AffectedSOPClassUID).startswith(_PATIENT_ROOT)


def _status(code: int, comment: str = "") -> Dataset:
    status = Dataset()
    status.Status = code
    if comment:
        status.ErrorComment = comment[:64]
        _log.warning("an instance is refused with 0x%04X: %s", code, comment)
    return status


def _contexts(instances: list[Kept]) -> list[Any]:
    """Propose each SOP Class in each transfer syntax that it is kept in, on a context of its own; at most 128."""
    from pynetdicom import build_context

    pairs = dict.fromkeys((k.sop_class_uid, k.transfer_syntax_uid) for k in instances)
    return [build_context(name, syntax) for name, syntax in list(pairs)[:128]] or [build_context(VERIFICATION)]


def _same(kept: Kept, data: bytes, syntax: str) -> bool:
    """Whether data set and transfer syntax are the same; other File Meta Information tells of who sent it."""
    return kept.transfer_syntax_uid == syntax and _data_set(kept.path.read_bytes()) == _data_set(data)


def _data_set(data: bytes) -> bytes:
    """Return what follows the File Meta Information, whose first element is its length (PS3.10 7.1)."""
    if data[132:140] != b"\2\0\0\0UL\4\0":
        return data
    return data[144 + int.from_bytes(data[140:144], "little") :]
