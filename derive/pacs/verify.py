"""Ask an archive what it has: instance by instance, and pixel by pixel; and say where nobody knows."""

from __future__ import annotations

import hashlib
import io
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from pydicom import dcmread
from pydicom.dataset import Dataset

from derive.errors import DeriveError, NetworkError, UsageError
from derive.pacs.archive import Archive
from derive.pacs.found import Listing
from derive.pacs.outcome import Holdings
from derive.pacs.sendable import Sendable

#: There is nobody to ask: no connection, or none for us.
_NOBODY = frozenset({"NET-UNREACHABLE", "NET-TLS", "NET-REJECTED", "NET-AUTH", "NET-TIMEOUT"})
_log = logging.getLogger(__name__)


@dataclass
class Answers:
    """What an archive said of instances, each by its SOP Instance UID.

    A listing says what is there. Only a listing that is whole and agrees with the number that the archive says it has
    of the series, or an answer about just that instance, says what is not; of all else nobody knows.

    Parameters
    ----------
    there, absent : set of str
    unknown : mapping of str to str
        Why nobody knows.
    others : set of str
        What else is in those series.
    """

    there: set[str] = field(default_factory=set)
    absent: set[str] = field(default_factory=set)
    unknown: dict[str, str] = field(default_factory=dict)
    others: set[str] = field(default_factory=set)


def answers_of(archive: Archive, sendables: Sequence[Sendable], *, why: bool = True) -> Answers:
    """Ask an archive for instances: by a listing of each series, and where that does not tell for each by itself.

    Parameters
    ----------
    archive : Archive
    sendables : sequence of Sendable
    why : bool
        Whether it matters what is absent and what is unknown; else only what is there is wanted, and less is asked.
    """
    answers = Answers()
    for (study, series), uids in _by_series(sendables).items():
        try:
            _ask_series(archive, study, series, uids, answers, why=why)
        except UsageError:
            answers.unknown |= dict.fromkeys(uids, "its Study or Series Instance UID is none that can be asked for")
        except NetworkError as error:
            answers.unknown |= dict.fromkeys((u for u in uids if u not in answers.there), error.message)
            if error.code in _NOBODY and not why:
                raise
    return answers


def _ask_series(archive: Archive, study: str, series: str, uids: Sequence[str], answers: Answers, *, why: bool) -> None:
    listing: Listing[str]
    try:
        listing = archive.instances(study, series)
    except NetworkError as error:
        if error.code in _NOBODY or error.facts.get("offered") is False:
            raise
        listing = Listing((), error.message)
    listed = set(listing)
    answers.there |= listed.intersection(uids)
    answers.others |= listed.difference(uids)
    left = [uid for uid in uids if uid not in listed]
    if not left:
        return
    if listing.whole and (not listed or not why or counted(archive, study, series) == len(listed)):
        answers.absent |= set(left)
        return
    reason = listing.cut or "its listing of the series names it not, and it does not say how many there are"
    _log.info("%s: %d instances are asked for one by one", archive.destination.address, len(left))
    _ask_each(archive, (study, series), left, answers, reason)


def _ask_each(archive: Archive, where: tuple[str, str], uids: Sequence[str], answers: Answers, reason: str) -> None:
    try:
        said = archive.there(*where, uids)
    except NetworkError as error:
        said, reason = dict.fromkeys(uids), f"{reason}; asked for by itself: {error.message}"
    for uid in uids:
        there = said.get(uid)
        if there is None:
            answers.unknown[uid] = reason
        else:
            (answers.there if there else answers.absent).add(uid)


def counted(archive: Archive, study: str, series: str) -> int | None:
    """Return how many instances of a series an archive says it has; None where it does not say."""
    try:
        found = archive.find({"StudyInstanceUID": study, "SeriesInstanceUID": series})
    except NetworkError:
        return None
    return next((s.instances for s in found if s.series_instance_uid == series), None)


def held(archive: Archive, sendables: Sequence[Sendable]) -> frozenset[str]:
    """SOP Instance UIDs of some instances that an archive has, as far as it says so.

    Raises
    ------
    NetworkError
        If there is nobody to ask.
    """
    return frozenset(answers_of(archive, sendables, why=False).there)


def holdings_of(archive: Archive, sendables: Sequence[Sendable], *, pixels: bool) -> Holdings:
    """Compare what an archive has with what was sent to it; nothing is raised, as what was sent is to be reported.

    Parameters
    ----------
    archive : Archive
    sendables : sequence of Sendable
    pixels : bool
        Whether everything is fetched, and its pixels compared.
    """
    wanted = {p.sop_instance_uid: p for p in sendables}
    answers = answers_of(archive, sendables)
    unknown, different = dict(answers.unknown), tuple[str, ...]()
    if pixels:
        there = [p for p in sendables if p.sop_instance_uid in answers.there]
        different = tuple(_compared(archive, there, unknown))
    return Holdings(
        "pixels" if pixels else archive.query,
        tuple(uid for uid in wanted if uid in answers.absent),
        different,
        tuple(sorted(answers.others)),
        {uid: unknown[uid] for uid in wanted if uid in unknown},
    )


def _compared(archive: Archive, there: Sequence[Sendable], unknown: dict[str, str]) -> Iterable[str]:
    """Give what has other pixels; what cannot be compared goes to what is unknown."""
    digests, trouble = _digests(archive, there)
    for sendable in there:
        uid = sendable.sop_instance_uid
        if uid not in digests:
            unknown[uid] = trouble or "it did not come back, and its pixels could not be compared"
            continue
        try:
            same = digests[uid] == pixel_digest(sendable.read())
        except Exception as error:  # whatever pydicom and its decoders say of pixels
            unknown[uid] = f"its pixels cannot be decoded here ({type(error).__name__})"
            continue
        if not same:
            yield uid


def _digests(archive: Archive, sendables: Sequence[Sendable]) -> tuple[Mapping[str, str], str]:
    """Return digests of what came back, and why the rest did not."""
    digests: dict[str, str] = {}
    trouble = ""

    def take(data: bytes) -> None:
        try:
            dataset = dcmread(io.BytesIO(data))
            digests[str(dataset.SOPInstanceUID)] = _digest(dataset)
        except Exception as error:  # as above; of what cannot be read nobody knows
            _log.warning("an instance that came back cannot be read (%s)", type(error).__name__)

    for study, series in _by_series(sendables):
        try:
            archive.fetch(study, series, take)
        except DeriveError as error:
            trouble = error.message
    return digests, trouble


def pixel_digest(data: bytes) -> str:
    """Return a digest of the pixels of a Part 10 file: the same compressed without loss or not, in any byte order."""
    return _digest(dcmread(io.BytesIO(data)))


def _digest(dataset: Dataset) -> str:
    if "PixelData" not in dataset:
        return ""
    pixels, syntax = dataset.PixelData, dataset.file_meta.TransferSyntaxUID
    if syntax.is_encapsulated or not syntax.is_little_endian:
        values = dataset.pixel_array
        pixels = values.astype(values.dtype.newbyteorder("<"), copy=False).tobytes()
    return hashlib.sha256(pixels + b"\0" * (len(pixels) % 2)).hexdigest()


def _by_series(sendables: Sequence[Sendable]) -> dict[tuple[str, str], list[str]]:
    found: dict[tuple[str, str], list[str]] = {}
    for sendable in sendables:
        uids = found.setdefault((sendable.study_instance_uid, sendable.series_instance_uid), [])
        uids.append(sendable.sop_instance_uid)
    return found
