"""QIDO-RS (PS3.18 10.6): what a DICOMweb service has, page by page, and whether that is all.

Not by ``dicomweb_client.DICOMwebClient`` (0.61.2): it writes what was asked for, and so who the patient is, into its
log; encodes the wildcards, which Orthanc 1.10 then does not find; and names the host without its port.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from pydicom.datadict import dictionary_VR, tag_for_keyword

from derive.errors import NetworkError, UsageError
from derive.pacs.address import WebAddress
from derive.pacs.found import SERIES_KEYWORDS, STUDY_KEYWORDS, FoundSeries, FoundStudy, Listing, limited_to
from derive.pacs.matching import is_harmless_uid, matches
from derive.pacs.web.session import WebSession

if TYPE_CHECKING:
    from requests import Response

_log = logging.getLogger(__name__)
#: How many answers are asked for at a time; a service may give fewer.
PAGE = 500
#: What a service is asked for that refuses so many (400, 413): fewer, and as many as it likes.
_SMALLER_PAGES = (100, None)
_TOO_MANY_ASKED = (400, 413, 422)
#: More answers than these are no answer: something repeats itself for ever.
_MOST_ANSWERS = 1_000_000
_NO_CONTENT, _PARTIAL = 204, 206
_GONE = (404, 410)
_STUDY_FIELDS = ("StudyInstanceUID", *STUDY_KEYWORDS)
_SERIES_FIELDS = (
    "StudyInstanceUID",
    "SeriesInstanceUID",
    *SERIES_KEYWORDS,
    "PatientID",
    "PatientName",
    "StudyDate",
    "AccessionNumber",
    "StudyDescription",
)
#: Those of which no answer is taken that does not name them: a service names what it matches (PS3.18 10.6.3.3).
_PERSONAL = ("PatientID", "AccessionNumber", "PatientName")
#: A service that has more than it gives says so by this warning (PS3.18 8.3.4.4, 10.6.3.4); others speak of the keys.
_MORE = re.compile(r"\b299\b.*(additional|exceed|more|maximum|limit|partial|truncat|remaining|incomplete)", re.I | re.S)

_JSON = "application/dicom+json"
#: Characters that may stand in a query as they are (RFC 3986, 3.4); not every service decodes them.
_SAFE = "*?,:/@"
#: Those that may not.
_UNSAFE = re.compile(r"[^\w.~*?,:/@-]", re.ASCII)
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


def search_instances(address: WebAddress, study_uid: str, series_uid: str, *, page: int = PAGE) -> Listing[str]:
    """Return the SOP Instance UIDs of a series, as QIDO-RS gives them.

    Parameters
    ----------
    address : WebAddress
    study_uid, series_uid : str
    page : int
        How many are asked for at a time.

    Raises
    ------
    UsageError
        ``NET-UID`` for what is no UID.
    NetworkError
        ``NET-...`` as of :meth:`derive.pacs.web.session.WebSession.get`; ``NET-ANSWER`` if the answer is no DICOM
        JSON.
    """
    path = "studies", checked_uid(study_uid), "series", checked_uid(series_uid), "instances"
    with WebSession(address) as session:
        pages = _Pages(session, session.url(*path), "SOPInstanceUID", page)
        return Listing(tuple(_value(item, "SOPInstanceUID") for item in pages.items([])), pages.cut)


def instances_there(
    address: WebAddress, study_uid: str, series_uid: str, uids: Sequence[str]
) -> dict[str, bool | None]:
    """Ask for each of some instances by its UID whether the service has it.

    By QIDO-RS; where its answer does not tell, by the metadata of the instance (PS3.18 10.4.1.1.2).

    Returns
    -------
    dict of str to bool or None
        None where that cannot be asked, or the answer does not tell. After a question that fails no other is asked.

    Raises
    ------
    UsageError, NetworkError
        As :func:`search_instances`, if not even the first can be asked.
    """
    path = "studies", checked_uid(study_uid), "series", checked_uid(series_uid), "instances"
    found: dict[str, bool | None] = dict.fromkeys(uids)
    with WebSession(address) as session:
        try:
            for uid in uids:
                if is_harmless_uid(uid):
                    found[uid] = _is_there(session, session.url(*path), uid)
        except NetworkError:
            if all(there is None for there in found.values()):
                raise
    return found


def _is_there(session: WebSession, url: str, uid: str) -> bool | None:
    items, more = _page(session, url, [("SOPInstanceUID", uid)])
    if any(_value(item, "SOPInstanceUID") == uid for item in items):
        return True
    if not items and not more:
        return False
    # It does not match by this key, and gave something else, perhaps a part of it.
    try:
        with session.get(f"{url}/{uid}/metadata", _JSON, stream=True):
            return True
    except NetworkError as error:
        return False if error.facts.get("status") in _GONE else None


def search_studies(
    address: WebAddress, filters: Mapping[str, str], *, limit: int | None = None, page: int = PAGE
) -> Listing[FoundStudy]:
    """Return the studies that match, as :func:`search_series` does the series; without filters all of them."""
    question = _Question("studies", "StudyInstanceUID", _STUDY_FIELDS, limit, page)
    items, cut = _searched(address, question, filters)
    return Listing(tuple(FoundStudy.of({k: _value(i, k) for k in _STUDY_FIELDS}) for i in items), cut)


def search_series(
    address: WebAddress, filters: Mapping[str, str], *, limit: int | None = None, page: int = PAGE
) -> Listing[FoundSeries]:
    """Return the series that match, as QIDO-RS gives them.

    A series is left out that the service gives although its attributes are others, or although it does not say what
    its PatientID, Patient's Name or AccessionNumber is where that was asked for: it may be of another patient.

    Parameters
    ----------
    address : WebAddress
    filters : mapping keyword -> value
        StudyInstanceUID, SeriesInstanceUID, AccessionNumber, PatientID, and others that the service matches; with the
        wildcards and ranges of the standard.
    limit : int, optional
        So many at most; where there are more that is said.
    page : int
        How many are asked for at a time.

    Raises
    ------
    UsageError
        ``NET-FILTER`` without filters and without a limit, or for one that is no keyword.
    NetworkError
        As of :func:`search_instances`.
    """
    question = _Question("series", "SeriesInstanceUID", _SERIES_FIELDS, limit, page)
    items, cut = _searched(address, question, filters)
    found = []
    for item in items:
        said = {keyword: _value(item, keyword) for keyword in _SERIES_FIELDS}
        study = said["StudyInstanceUID"] or filters.get("StudyInstanceUID", "")
        found.append(FoundSeries.of(said | {"StudyInstanceUID": study}))
    return Listing(tuple(found), cut)


@dataclass(frozen=True)
class _Question:
    """What is searched: a resource, its unique key, the attributes wanted, how many, and how many at a time."""

    resource: str
    unique: str
    fields: tuple[str, ...]
    limit: int | None
    page: int


def _searched(address: WebAddress, question: _Question, filters: Mapping[str, str]) -> tuple[list[_Item], str]:
    wanted = {k: v for k, v in filters.items() if v}
    unknown = [k for k in wanted if tag_for_keyword(k) is None]
    if unknown or not (wanted or question.limit):
        raise UsageError(
            "NET-FILTER", f"filters {unknown or 'are missing'}; wanted keywords of DICOM, such as PatientID"
        )
    with WebSession(address) as session:
        matching, cut = _matching(session, question, wanted, wanted)
        masked = {k: _UNSAFE.sub("?", v) for k, v in wanted.items()}
        if not matching and masked != wanted:
            # Orthanc 1.10 does not decode %20 and its like: it is asked with wildcards, and the answers are compared.
            matching, cut = _matching(session, question, masked, wanted)
    return matching, cut


def _matching(
    session: WebSession, question: _Question, asked: Mapping[str, str], wanted: Mapping[str, str]
) -> tuple[list[_Item], str]:
    """Return the answers to a question that are what was wanted, and why there may be more."""
    masked = [k for k, v in wanted.items() if asked[k] != v]
    fields = dict.fromkeys((*question.fields, *wanted))
    keys = [*asked.items(), *(("includefield", field) for field in fields)]
    page = question.page if question.limit is None else min(question.page, question.limit + 1)
    pages = _Pages(session, session.url(question.resource), question.unique, page)
    matching: list[_Item] = []
    others, cut = 0, ""
    for item in pages.items(keys):
        if not all(_matches(item, k, v, said=k in _PERSONAL or k in masked) for k, v in wanted.items()):
            others += 1
        elif question.limit is not None and len(matching) >= question.limit:
            cut = limited_to(question.limit)
            break
        else:
            matching.append(item)
    if others and not masked:
        text = "%s gave %d %s that do not match, or do not say whether they do; they are left out"
        _log.warning(text, session.host, others, question.resource)
    return matching, cut or pages.cut


def _matches(item: _Item, keyword: str, wanted: str, *, said: bool) -> bool:
    """Whether an answer is what was wanted; one that does not say is, unless it has to."""
    value = _value(item, keyword)
    if not value:
        return not said
    vr = dictionary_VR(keyword)
    return matches(wanted.strip().replace(",", "\\") if vr == "UI" else wanted.strip(), value, vr, fold=True)


class _Pages:
    """Asks page by page until nothing comes: a page that is not full need not be the last one.

    Parameters
    ----------
    session : WebSession
    url : str
    unique : str
        Keyword of the unique key of what is listed.
    page : int
    """

    def __init__(self, session: WebSession, url: str, unique: str, page: int) -> None:
        self._session, self._url, self._unique, self._page = session, url, unique, page
        #: Why there may be more than was given, when all was gone through.
        self.cut = ""

    def items(self, keys: _Keys) -> Iterator[_Item]:
        """Give every answer once."""
        host, seen, offset, more = self._session.host, set[str](), 0, False
        pages = [self._page, *(p for p in _SMALLER_PAGES if p is None or p < self._page)]
        while True:
            items, more = self._next(pages, keys, offset, more)
            if not items:
                if more:
                    self.cut = f"{host} says that there is more than it gives"
                return
            offset += len(items)
            uids = [_value(item, self._unique) for item in items]
            if "" in uids:
                raise NetworkError("NET-ANSWER", f"{host} gives an answer without {self._unique}")
            fresh = {uid: item for uid, item in zip(uids, items, strict=True) if uid not in seen}
            if not fresh:
                self.cut = f"{host} gives the same {len(items)} answers again and again; it may have more"
                return
            if len(fresh) < len(items):
                self.cut = f"{host} repeats answers from one page to the next; some may be missing"
            seen.update(fresh)
            if len(seen) > _MOST_ANSWERS:
                raise NetworkError("NET-ANSWER", f"{host} gives more than {_MOST_ANSWERS} answers")
            yield from fresh.values()

    def _next(self, pages: list[int | None], keys: _Keys, offset: int, more: bool) -> tuple[list[_Item], bool]:
        """Return a page, and whether there is more; the word of the page before stands where this one is empty."""
        while True:
            limit = [] if pages[0] is None else [("limit", str(pages[0]))]
            try:
                items, warned = _page(self._session, self._url, [*keys, *limit, ("offset", str(offset))])
            except NetworkError as error:
                if offset or error.facts.get("status") not in _TOO_MANY_ASKED or len(pages) == 1:
                    raise
                del pages[0]
                continue
            return items, warned or (more and not items)


def _page(session: WebSession, url: str, keys: _Keys) -> tuple[list[_Item], bool]:
    """Return answers, and whether the service says that there are more."""
    query = urlencode(keys, quote_via=quote, safe=_SAFE)
    answer = session.get(f"{url}?{query}", _JSON)
    more = answer.status_code == _PARTIAL or _MORE.search(answer.headers.get("Warning", "")) is not None
    if answer.status_code == _NO_CONTENT or not answer.content:
        return [], more
    return _items(session, answer), more


def _items(session: WebSession, answer: Response) -> list[_Item]:
    try:
        items = json.loads(answer.content)
    except (ValueError, RecursionError):
        items = None
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        text = f"{session.host} does not answer in DICOM JSON; is this the root of a DICOMweb service?"
        raise NetworkError("NET-ANSWER", text)
    return items


def _value(item: _Item, keyword: str) -> str:
    """Return an attribute as text (PS3.18 F.2), several values between backslashes; empty where there is none."""
    element = item.get(f"{tag_for_keyword(keyword):08X}")
    values = element.get("Value") if isinstance(element, dict) else None
    return "\\".join(map(_text, values)) if isinstance(values, list) else ""


def _text(value: Any) -> str:
    if isinstance(value, dict):  # the groups of a name (PS3.18 F.2.2)
        groups = [str(value.get(group) or "") for group in ("Alphabetic", "Ideographic", "Phonetic")]
        return "=".join(groups).rstrip("=").strip()
    return "" if value is None else str(value).strip()


def checked_uid(uid: str) -> str:
    """Return what can be a part of a URL.

    Raises
    ------
    UsageError
        ``NET-UID`` for what is no UID.
    """
    if not is_harmless_uid(uid):
        raise UsageError("NET-UID", "this is no UID, and cannot be asked for; wanted digits and dots")
    return uid
