"""QIDO-RS and WADO-RS (PS3.18 10.6, 10.4): what a DICOMweb service has, and series from it as they are stored.

Not by ``dicomweb_client.DICOMwebClient`` (0.61.2): it writes what was asked for, and so who the patient is, into its
log; encodes the wildcards, which Orthanc 1.10 then does not find; names the host without its port; and its
``iter_series`` gives data sets, not the bytes that were stored, and takes a body that ends too early for a whole one.
"""

from __future__ import annotations

import io
import json
import logging
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import count
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from pydicom import dcmread
from pydicom.datadict import tag_for_keyword

from derive.errors import NetworkError, UsageError
from derive.pacs.address import WebAddress
from derive.pacs.matching import is_harmless_uid
from derive.pacs.outcome import FoundSeries
from derive.pacs.web.multipart import boundary_of, parts
from derive.pacs.web.session import WebSession

if TYPE_CHECKING:
    from requests import Response

_log = logging.getLogger(__name__)
#: How many answers are asked for at a time; a service may give fewer.
PAGE = 500
_NO_CONTENT = 204
#: What is asked for of a series, in the order of FoundSeries.
_FIELDS = (
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "Modality",
    "SeriesNumber",
    "SeriesDescription",
    "PatientID",
    "NumberOfSeriesRelatedInstances",
)
#: Keys whose answers are held against the question: a service may disregard what it does not know.
_EXACT = ("StudyInstanceUID", "SeriesInstanceUID", "AccessionNumber", "PatientID", "Modality")
#: Those of which no answer is taken that does not name them: a service names what it matches (PS3.18 10.6.3.3).
_PERSONAL = ("PatientID", "AccessionNumber")
#: As they are stored, without being decoded and encoded anew.
_ACCEPT = 'multipart/related; type="application/dicom"; transfer-syntax=*'

_JSON = "application/dicom+json"
#: Characters that may stand in a query as they are (RFC 3986, 3.4); not every service decodes them.
_SAFE = "*?,:/@"
#: Those that may not.
_UNSAFE = re.compile(r"[^\w.~*?,:/@-]", re.ASCII)
#: Wildcards, and what stands between the values of a list.
_WILD = frozenset("*?\\,")
_Item = Mapping[str, Any]
_Keys = Sequence[tuple[str, str]]


def ping(address: WebAddress) -> None:
    """Ask for one study at most, to see whether there is a service.

    Raises
    ------
    NetworkError
        If there is none.
    """
    with WebSession(address, attempts=1) as session:
        _page(session, session.url("studies"), [("limit", "1")])


def search_instances(address: WebAddress, study_uid: str, series_uid: str, *, page: int = PAGE) -> list[str]:
    """Return the SOP Instance UIDs of a series, as QIDO-RS gives them.

    Parameters
    ----------
    address : WebAddress
    study_uid, series_uid : str
    page : int
        How many are asked for at a time.

    Raises
    ------
    NetworkError
        ``NET-...`` as of :meth:`derive.pacs.web.session.WebSession.get`; ``NET-ANSWER`` if the answer is no DICOM
        JSON, or repeats itself so that what is behind it cannot be had.
    """
    path = "studies", _checked(study_uid), "series", _checked(series_uid), "instances"
    with WebSession(address) as session:
        return [uid for uid, _ in _all(session, session.url(*path), [], page)]


def search_series(address: WebAddress, filters: Mapping[str, str], *, page: int = PAGE) -> list[FoundSeries]:
    """Return the series that match, as QIDO-RS gives them.

    A series is left out that the service gives although its identifiers are others, or although it does not say what
    its PatientID or AccessionNumber is where that was asked for: it may be of another patient.

    Parameters
    ----------
    address : WebAddress
    filters : mapping keyword -> value
        StudyInstanceUID, SeriesInstanceUID, AccessionNumber, PatientID, and others that the service matches; with the
        wildcards of the standard.
    page : int
        How many are asked for at a time.

    Raises
    ------
    UsageError
        ``NET-FILTER`` without filters, or for one that is no keyword.
    NetworkError
        As of :func:`search_instances`.
    """
    wanted = {k: v for k, v in filters.items() if v}
    unknown = [k for k in wanted if tag_for_keyword(k) is None]
    if not wanted or unknown:
        raise UsageError(
            "NET-FILTER", f"filters {unknown or 'are missing'}; wanted keywords of DICOM, such as PatientID"
        )
    with WebSession(address) as session:
        matching = _matching(session, wanted, wanted, page)
        masked = {k: _UNSAFE.sub("?", v) for k, v in wanted.items()}
        if not matching and masked != wanted:
            # Orthanc 1.10 does not decode %20 and its like: it is asked with wildcards, and the answers are compared.
            matching = _matching(session, masked, wanted, page)
    return [_series(item, wanted) for item in matching]


def _matching(session: WebSession, asked: Mapping[str, str], wanted: Mapping[str, str], page: int) -> list[_Item]:
    """Return the answers to a question that are what was wanted."""
    masked = [k for k, v in wanted.items() if asked[k] != v]
    fields = dict.fromkeys((*_FIELDS, *(k for k in wanted if k in _EXACT), *masked))
    keys = [*asked.items(), *(("includefield", field) for field in fields)]
    found = [item for _, item in _all(session, session.url("series"), keys, page)]
    exact = {k: v.strip() for k, v in wanted.items() if k in masked or (k in _EXACT and not set(v) & _WILD)}
    unsaid = {k: "" for k in exact if k not in _PERSONAL and k not in masked}
    matching = [i for i in found if all(_value(i, k) in (v, unsaid.get(k, v)) for k, v in exact.items())]
    if len(matching) < len(found) and not masked:
        others = len(found) - len(matching)
        text = "%s gave %d series that do not match, or do not say whether they do; they are left out"
        _log.warning(text, session.host, others)
    return matching


def retrieve(address: WebAddress, study_uid: str, series_uid: str, take: Callable[[bytes], None]) -> int:
    """Fetch a series by WADO-RS, as it is stored; hand over each Part 10 file as it comes.

    The body is split as it comes, so that twice the largest instance is in memory. After a cut the series is asked for
    again, and what was handed over already is left out.

    Returns
    -------
    int
        How many were handed over. Whether that is all, only a query says.

    Raises
    ------
    NetworkError
        ``NET-...`` as of :meth:`derive.pacs.web.session.WebSession.get`; ``NET-ANSWER`` if something else comes, or
        the end is missing.
    """
    seen: set[str] = set()
    with WebSession(address) as session:
        url = session.url("studies", _checked(study_uid), "series", _checked(series_uid))
        for attempt in count(1):
            cut = _handed_over(_files(session, session.get(url, _ACCEPT, stream=True)), seen, take)
            if cut is None:
                break
            if attempt >= session.attempts:
                raise cut
            session.pause(attempt, None)
    return len(seen)


def _handed_over(files: Iterator[bytes], seen: set[str], take: Callable[[bytes], None]) -> NetworkError | None:
    """Hand over what was not seen before; return why no more comes before the end, if so."""
    while True:
        try:
            data = next(files, None)
        except NetworkError as error:
            return error
        if data is None:
            return None
        uid = _uid_of(data)
        if uid not in seen:
            take(data)
            seen.add(uid)


def _files(session: WebSession, response: Response) -> Iterator[bytes]:
    with response:
        boundary = boundary_of(response.headers.get("Content-Type", ""))
        chunks = session.chunks(response)
        if boundary is not None:
            yield from parts(chunks, boundary, session.host)
        elif response.status_code != _NO_CONTENT:
            if not {"content-length", "transfer-encoding"} & {k.lower() for k in response.headers}:
                raise NetworkError("NET-ANSWER", f"{session.host} sends something of which nobody knows where it ends")
            yield b"".join(chunks)  # a single instance by itself: wrong, and done (PS3.18 10.4.3)


def _uid_of(data: bytes) -> str:
    """Return the SOP Instance UID of a Part 10 file."""
    try:
        return str(dcmread(io.BytesIO(data), specific_tags=["SOPInstanceUID"], stop_before_pixels=True).SOPInstanceUID)
    except Exception as error:  # pydicom raises of every kind for what is none
        raise NetworkError(
            "NET-ANSWER", "something came that is no DICOM file, where a series was asked for"
        ) from error


def _all(session: WebSession, url: str, keys: _Keys, page: int) -> Iterator[tuple[str, _Item]]:
    """Ask page by page until nothing comes: a page that is not full need not be the last one."""
    keyword = "SOPInstanceUID" if url.endswith("/instances") else "SeriesInstanceUID"
    seen: set[str] = set()
    offset = 0
    while items := _page(session, url, [*keys, ("limit", str(page)), ("offset", str(offset))]):
        offset += len(items)
        fresh = [(uid, item) for item in items if (uid := _value(item, keyword)) not in seen]
        seen.update(uid for uid, _ in fresh)
        if "" in seen:
            raise NetworkError("NET-ANSWER", f"{session.host} gives an answer without {keyword}")
        if not fresh:
            if len(items) != page:
                return  # it knows neither limit nor offset, and gave everything at once
            text = f"{session.host} gives the same {page} answers again and again; what is behind them cannot be had"
            raise NetworkError("NET-ANSWER", text)
        if len(fresh) < len(items):
            _log.warning("%s repeats answers from one page to the next; some may be missing", session.host)
        yield from fresh


def _page(session: WebSession, url: str, keys: _Keys) -> list[_Item]:
    query = urlencode(keys, quote_via=quote, safe=_SAFE)
    answer = session.get(f"{url}?{query}", _JSON)
    if answer.status_code == _NO_CONTENT or not answer.content:
        return []
    try:
        items = json.loads(answer.content)
    except (ValueError, RecursionError):
        items = None
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        text = f"{session.host} does not answer in DICOM JSON; is this the root of a DICOMweb service?"
        raise NetworkError("NET-ANSWER", text)
    return items


def _value(item: _Item, keyword: str) -> str:
    """Return the first value of an attribute as text (PS3.18 F.2); empty where there is none."""
    element = item.get(f"{tag_for_keyword(keyword):08X}")
    values = element.get("Value") if isinstance(element, dict) else None
    return str(values[0]).strip() if isinstance(values, list) and values and values[0] is not None else ""


def _series(item: _Item, wanted: Mapping[str, str]) -> FoundSeries:
    said = {keyword: _value(item, keyword) for keyword in _FIELDS}
    return FoundSeries.of(said | {"StudyInstanceUID": said["StudyInstanceUID"] or wanted.get("StudyInstanceUID", "")})


def _checked(uid: str) -> str:
    """UIDs become parts of URLs."""
    if not is_harmless_uid(uid):
        raise UsageError("NET-UID", f"{uid!r} is no UID")
    return uid
