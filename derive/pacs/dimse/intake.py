"""What comes in while a series is retrieved: every instance once, as a Part 10 file with the bytes that came."""

from __future__ import annotations

import hashlib
import io
import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from pydicom import dcmread
from pydicom.dataset import Dataset

from derive.pacs.matching import texts

#: Answers to C-STORE (PS3.4 B.2.3, PS3.7 C).
SUCCESS = 0x0000
OUT_OF_RESOURCES = 0xA700
NOT_UNDERSTOOD = 0xC000
NOT_AUTHORISED = 0x0124
DUPLICATE = 0x0111
_NEEDED = ["SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"]
_log = logging.getLogger(__name__)


class Intake:
    """Answers C-STORE requests with instances of one series, and hands their files over one at a time.

    Parameters
    ----------
    study_uid, series_uid : str
        Of the series that was asked for; nothing else is taken.
    take : callable (bytes)
        Given the Part 10 file of each instance.
    """

    def __init__(self, study_uid: str, series_uid: str, take: Callable[[bytes], None]) -> None:
        self._series, self._take, self._lock = (study_uid, series_uid), take, threading.Lock()
        self._taken: dict[str, bytes] = {}
        self.refused: dict[str, str] = {}
        self.strangers: set[str] = set()
        self.error: BaseException | None = None
        self.heard = time.monotonic()

    @property
    def uids(self) -> frozenset[str]:
        """SOP Instance UIDs that were handed over."""
        return frozenset(self._taken)

    def hear(self) -> None:
        """Remember that there was a sign of life now."""
        self.heard = time.monotonic()

    def store(self, event: Any) -> int:
        """Answer a C-STORE request; return its status."""
        with self._lock:
            self.hear()
            uid = str(event.request.AffectedSOPInstanceUID)
            data: bytes = event.encoded_dataset()
            status, reason = self._judge(uid, data)
            if status == SUCCESS and uid not in self._taken:
                status, reason = self._hand_over(uid, data)
            if status != SUCCESS:
                self.refused[uid] = reason
                _log.warning("%s is not taken: %s", uid, reason)
            self.hear()
            return status

    def _judge(self, uid: str, data: bytes) -> tuple[int, str]:
        if self.error is not None:
            return OUT_OF_RESOURCES, "an earlier one could not be taken"
        try:
            head = dcmread(io.BytesIO(data), specific_tags=_NEEDED, stop_before_pixels=True)
            found = texts(head)
            said = tuple(found.get(keyword, "") for keyword in _NEEDED)
        except Exception as error:  # whatever pydicom says of bytes that came from elsewhere
            return NOT_UNDERSTOOD, f"it cannot be read ({type(error).__name__})"
        if said[2:] != self._series:
            self.strangers.add(uid)
            return NOT_AUTHORISED, "it is of another series than was asked for"
        if said[1] != uid:
            return NOT_UNDERSTOOD, "it was announced under another SOP Instance UID"
        if self._taken.get(uid, _digest(data)) != _digest(data):
            return DUPLICATE, "it came a second time, and was another one"
        return SUCCESS, ""

    def _hand_over(self, uid: str, data: bytes) -> tuple[int, str]:
        try:
            self._take(data)
        except Exception as error:  # kept for the caller, who is not on the stack: pynetdicom would swallow it
            self.error = error
            return OUT_OF_RESOURCES, "it could not be taken"
        self._taken[uid] = _digest(data)
        return SUCCESS, ""


def _digest(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def failed_uids(identifier: Dataset | None) -> list[str]:
    """Return what an archive says it could not send (PS3.4 C.4.2.1.4.2)."""
    found = None if identifier is None else identifier.get("FailedSOPInstanceUIDList")
    if not found:
        return []
    return [found] if isinstance(found, str) else [str(uid) for uid in found]
