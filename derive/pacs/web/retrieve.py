"""WADO-RS (PS3.18 10.4): series from a DICOMweb service as they are stored, whatever form it gives them in.

Not by ``dicomweb_client.DICOMwebClient`` (0.61.2): its ``iter_series`` gives data sets, not the bytes that were stored,
and takes a body that ends too early for a whole one.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator, Sequence
from itertools import count
from typing import TYPE_CHECKING

from pydicom import dcmread

from derive.errors import NetworkError
from derive.pacs.address import WebAddress
from derive.pacs.outcome import Take
from derive.pacs.web.multipart import boundary_of, parts
from derive.pacs.web.query import checked_uid, search_instances
from derive.pacs.web.session import WebSession

if TYPE_CHECKING:
    from requests import Response

_log = logging.getLogger(__name__)
_NO_CONTENT, _PARTIAL = 204, 206
#: As they are stored, without being decoded and encoded anew.
_AS_STORED = "; transfer-syntax=*"
#: Media types of a series, in the order in which they are wanted; some services know no ``transfer-syntax=*``.
_OF_SERIES = (
    'multipart/related; type="application/dicom"' + _AS_STORED,
    'multipart/related; type="application/dicom"',
)
#: Those of an instance: many services give a single instance only as what it is, some only as one of many.
_OF_INSTANCE = ("application/dicom" + _AS_STORED, "application/dicom", *_OF_SERIES, "*/*")
#: The form is not to the liking of the service: bad request, method, not acceptable, unsupported, not implemented.
_NOT_IN_THIS_FORM = (400, 405, 406, 415, 501)


def retrieve(address: WebAddress, study_uid: str, series_uid: str, take: Take, *, only: Sequence[str] = ()) -> int:
    """Fetch a series by WADO-RS, as it is stored; hand over each Part 10 file as it comes.

    The body is split as it comes, so that twice the largest instance is in memory. After a cut the series is asked for
    again, and what was handed over already is left out. A service that gives no series in one answer (406 and the like)
    is asked for what it lists, one by one.

    Parameters
    ----------
    address : WebAddress
    study_uid, series_uid : str
    take : callable (bytes)
    only : sequence of str
        SOP Instance UIDs of what is wanted, each asked for by itself; without them all of the series.

    Returns
    -------
    int
        How many were handed over. Whether that is all, only a query says.

    Raises
    ------
    UsageError
        ``NET-UID`` for what is no UID.
    NetworkError
        ``NET-...`` as of :meth:`derive.pacs.web.session.WebSession.get`; ``NET-ANSWER`` if something else comes, or
        the end is missing.
    """
    path = "studies", checked_uid(study_uid), "series", checked_uid(series_uid)
    with WebSession(address) as session:
        run = _Retrieval(session, session.url(*path), take)
        if only:
            run.one_by_one(only)
        elif not run.whole():
            _log.warning("%s gives no series in one answer; it is asked for each instance", session.host)
            run.one_by_one(search_instances(address, study_uid, series_uid).items)
        return len(run.seen)


class _Retrieval:
    """One run: a series, and what of it was handed over already."""

    def __init__(self, session: WebSession, url: str, take: Take) -> None:
        self._session, self._url, self._take = session, url, take
        self.seen: set[str] = set()

    def whole(self) -> bool:
        """Fetch all at once; whether the service gives it so."""
        return self._fetched(self._url, list(_OF_SERIES))

    def one_by_one(self, uids: Sequence[str]) -> None:
        """Fetch instances by their UIDs; what one of them lacks is raised when all were asked for."""
        forms, failures = list(_OF_INSTANCE), list[NetworkError]()
        for uid in uids:
            try:
                if not self._fetched(f"{self._url}/instances/{checked_uid(uid)}", forms):
                    raise NetworkError("NET-HTTP", f"{self._session.host} gives no instance in any form", status=406)
            except NetworkError as error:
                if error.facts.get("status") is None or not forms:
                    raise
                failures.append(error)
        if failures:
            raise failures[0]

    def _fetched(self, url: str, forms: list[str]) -> bool:
        """Fetch in the first form that the service takes; those that it does not take are left out of the list."""
        for attempt in count(1):
            answer = self._answer(url, forms)
            if answer is None:
                return False
            cut = self._handed_over(self._files(answer))
            if cut is None:
                return True
            if attempt >= self._session.attempts:
                raise cut
            self._session.pause(attempt, None)
        raise AssertionError("attempts have an end")

    def _answer(self, url: str, forms: list[str]) -> Response | None:
        while forms:
            try:
                return self._session.get(url, forms[0], stream=True)
            except NetworkError as error:
                if error.facts.get("status") not in _NOT_IN_THIS_FORM:
                    raise
                _log.info("%s answers %s to %s", self._session.host, error.facts["status"], forms[0])
                del forms[0]
        return None

    def _handed_over(self, files: Iterator[bytes]) -> NetworkError | None:
        """Hand over what was not seen before; return why no more comes before the end, if so."""
        while True:
            try:
                data = next(files, None)
            except NetworkError as error:
                return error
            if data is None:
                return None
            uid = _uid_of(data)
            if uid not in self.seen:
                self._take(data)
                self.seen.add(uid)

    def _files(self, response: Response) -> Iterator[bytes]:
        host = self._session.host
        with response:
            boundary = boundary_of(response.headers.get("Content-Type", ""))
            chunks = self._session.chunks(response)
            if boundary is not None:
                yield from parts(chunks, boundary, host)
                if response.status_code == _PARTIAL:
                    raise NetworkError("NET-ANSWER", f"{host} says that it gives a part of the series only")
            elif response.status_code != _NO_CONTENT:
                if not {"content-length", "transfer-encoding"} & {k.lower() for k in response.headers}:
                    raise NetworkError("NET-ANSWER", f"{host} sends something of which nobody knows where it ends")
                yield b"".join(chunks)  # a single instance by itself: wrong for a series, and done (PS3.18 10.4.3)


def _uid_of(data: bytes) -> str:
    """Return the SOP Instance UID of a Part 10 file."""
    try:
        return str(dcmread(io.BytesIO(data), specific_tags=["SOPInstanceUID"], stop_before_pixels=True).SOPInstanceUID)
    except Exception as error:  # pydicom raises of every kind for what is none
        raise NetworkError(
            "NET-ANSWER", "something came that is no DICOM file, where a series was asked for"
        ) from error
