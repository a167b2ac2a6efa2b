"""Ask an archive what it has: C-FIND, level by level (PS3.4 C.4.1)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import count, islice
from typing import TypeVar

from derive.errors import NetworkError, UsageError
from derive.pacs.address import DimseAddress
from derive.pacs.dimse.association import associated
from derive.pacs.dimse.finder import ASKED, LEVELS, UNIQUE, Finder, Match, Unanswered
from derive.pacs.found import FoundSeries, FoundStudy, Listing, limited_to
from derive.pacs.matching import is_harmless_uid

_COUNTS = frozenset(k for k in (*ASKED["STUDY"], *ASKED["SERIES"]) if k.startswith("Number"))
FILTERS = frozenset({*UNIQUE.values(), *ASKED["PATIENT"], *ASKED["STUDY"], "Modality", "SeriesDescription"}) - {
    "SOPInstanceUID",
    *_COUNTS,
}
_ABOVE_SERIES = FILTERS - {"SeriesInstanceUID", "Modality", "SeriesDescription"}
Answered = TypeVar("Answered")
_log = logging.getLogger(__name__)


def find_studies(address: DimseAddress, filters: Mapping[str, str], limit: int | None = None) -> Listing[FoundStudy]:
    """Find studies of an archive.

    Parameters
    ----------
    address : DimseAddress
    filters : mapping keyword -> value
        Those of :data:`FILTERS` that are of patient or study; wildcards ``*`` and ``?`` except in UIDs, ranges of dates
        (PS3.4 C.2.2.2).
    limit : int, optional
        The archive is told to stop after so many.

    Raises
    ------
    UsageError, NetworkError
        As :func:`find_series`.
    """
    keys = _checked(filters)

    def ask(finder: Finder) -> Listing[FoundStudy]:
        direct = finder.levels[0] == "STUDY"
        found = finder.ask("STUDY", {}, keys, limit) if direct else _first(finder, finder.levels[:2], keys, limit)
        studies = {a["StudyInstanceUID"]: FoundStudy.of(a) for a in found if a.get("StudyInstanceUID")}
        return Listing(tuple(studies.values()), finder.cut)

    return _asked(address, ask)


def find_series(address: DimseAddress, filters: Mapping[str, str], limit: int | None = None) -> Listing[FoundSeries]:
    """Find series of an archive.

    Parameters
    ----------
    address : DimseAddress
    filters : mapping keyword -> value
        Those of :data:`FILTERS`; wildcards ``*`` and ``?`` except in UIDs. Empty values match everything.
    limit : int, optional
        So many at most; where there are more, or too many studies to look into, that is said. Without it all are
        wanted, and too many studies are an error.

    Returns
    -------
    Listing of FoundSeries
        Each once; none if nothing matches.

    Raises
    ------
    UsageError
        ``NET-FILTER`` for another keyword, or what cannot be its value.
    NetworkError
        ``NET-FIND`` if the archive offers no queries, refuses one, cannot match by a key, or has too many studies to
        go through; and if it cannot be reached.
    """
    keys = _checked(filters)

    def ask(finder: Finder) -> Listing[FoundSeries]:
        answers = _series(finder, keys, limit)
        found = {(a["StudyInstanceUID"], a["SeriesInstanceUID"]): FoundSeries.of(a) for a in answers}
        return Listing(tuple(found.values()), finder.cut)

    found = _asked(address, ask)
    _log.info("%s has %d series that match", address, len(found))
    return found


def instances_of(address: DimseAddress, study_uid: str, series_uid: str) -> Listing[str]:
    """Return the SOP Instance UIDs that an archive lists of a series; none if it has no such series.

    Raises
    ------
    UsageError
        ``NET-FILTER`` for what is no UID.
    NetworkError
        As :func:`find_series`.
    """
    found = images_of(address, study_uid, series_uid)
    return Listing(tuple(uid for uid, _ in found), found.cut)


def images_of(address: DimseAddress, study_uid: str, series_uid: str) -> Listing[tuple[str, str]]:
    """Return SOP Instance UIDs and SOP Class UIDs of a series; empty classes where the archive does not say.

    Raises
    ------
    UsageError, NetworkError
        As :func:`instances_of`.
    """
    keys = _checked({"StudyInstanceUID": study_uid, "SeriesInstanceUID": series_uid})

    def ask(finder: Finder) -> Listing[tuple[str, str]]:
        # The unique keys of all levels above the images are known in the Study Root model: one question is enough.
        direct = finder.levels[0] == "STUDY"
        answers = finder.ask("IMAGE", keys, keys) if direct else list(finder.descend(finder.levels, keys))
        found = {a["SOPInstanceUID"]: a.get("SOPClassUID", "") for a in answers if a.get("SOPInstanceUID")}
        return Listing(tuple(found.items()), finder.cut)

    return _asked(address, ask)


def instances_there(
    address: DimseAddress, study_uid: str, series_uid: str, uids: Sequence[str]
) -> dict[str, bool | None]:
    """Ask for each of some instances by its UID whether the archive has it.

    Returns
    -------
    dict of str to bool or None
        None where that cannot be asked, or the answer does not tell. After a question that fails no other is asked.

    Raises
    ------
    UsageError, NetworkError
        As :func:`instances_of`, if not even the first can be asked.
    """
    above = _checked({"StudyInstanceUID": study_uid, "SeriesInstanceUID": series_uid})
    found: dict[str, bool | None] = dict.fromkeys(uids)

    def ask(finder: Finder) -> None:
        unique = dict(above)
        if finder.levels[0] == "PATIENT":
            series = list(finder.descend(finder.levels[:-1], above))
            unique["PatientID"] = series[0]["PatientID"] if series else ""
        for uid in uids:
            if is_harmless_uid(uid) and found[uid] is None:
                found[uid] = finder.has(unique, uid)

    try:
        _asked(address, ask)
    except NetworkError:
        if all(there is None for there in found.values()):
            raise
    return found


def twice(ask: Callable[[], Answered]) -> Answered:
    """Ask once more where there was no answer: to ask changes nothing, and pynetdicom loses one now and then."""
    try:
        return ask()
    except Unanswered as error:
        _log.warning("asking once more: %s", error.message)
        return ask()


def _asked(address: DimseAddress, ask: Callable[[Finder], Answered]) -> Answered:
    """Ask on an association, and on another one where the first is lost."""
    tries = count()
    return twice(lambda: _with_finder(address, ask, last=next(tries) > 0))


def _with_finder(address: DimseAddress, ask: Callable[[Finder], Answered], *, last: bool) -> Answered:
    from pynetdicom import build_context

    try:
        with associated(address, [build_context(model) for model in LEVELS]) as association:
            return ask(Finder(association, address, last=last))
    except NetworkError as error:
        if error.code != "NET-CONTEXT":
            raise
        message = f"{address} offers no queries (C-FIND of the Study or Patient Root)"
        raise NetworkError("NET-FIND", message, offered=False) from error


def _series(finder: Finder, keys: Match, limit: int | None) -> list[Match]:
    levels = finder.levels[:-1]
    if _ABOVE_SERIES.isdisjoint(keys) and levels[0] == "STUDY":
        # Of a series alone the standard does not answer; many archives do, and there may be very many studies.
        try:
            answers = finder.ask("SERIES", {"StudyInstanceUID": ""}, keys)
        except NetworkError as error:
            if "status" not in error.facts:
                raise
            answers = []
        studies = list(dict.fromkeys(a.get("StudyInstanceUID", "") for a in answers))
        if studies and all(studies):
            found = (a for study in studies for a in finder.descend(levels, {**keys, "StudyInstanceUID": study}))
            return _limited(finder, found, limit)
    return _first(finder, levels, keys, limit)


def _first(finder: Finder, levels: Sequence[str], keys: Match, limit: int | None) -> list[Match]:
    return _limited(finder, finder.descend(levels, keys, partly=limit is not None), limit)


def _limited(finder: Finder, found: Iterator[Match], limit: int | None) -> list[Match]:
    """Take so many, and remember whether there are more."""
    if limit is None:
        return list(found)
    taken = list(islice(found, limit))
    if next(found, None) is not None:
        finder.cut = limited_to(limit)
    return taken


def _checked(filters: Mapping[str, str]) -> dict[str, str]:
    keys = {k: v.strip() for k, v in filters.items() if v.strip()}
    unknown = sorted(keys.keys() - FILTERS)
    if unknown:
        raise UsageError(
            "NET-FILTER", f"series cannot be found by {', '.join(unknown)}; wanted {', '.join(sorted(FILTERS))}"
        )
    for name, value in keys.items():
        if name.endswith("UID") and not all(is_harmless_uid(uid) for uid in value.split("\\")):
            raise UsageError("NET-FILTER", f"{name} is no UID; wanted digits and dots, at most 64 characters")
        if not name.endswith("UID") and ("\\" in value or not value.isprintable()):
            raise UsageError("NET-FILTER", f"{name} has a backslash or a control character; wanted one value")
    return keys
