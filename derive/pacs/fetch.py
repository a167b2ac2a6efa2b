"""Fetch: series from an archive into a folder, whole or not at all.

Whether a series is whole is held against all that the archive says: what it lists, how many it says there are, and
what came. A listing that was cut proves nothing, and so such a series is whole only if the number says so, or if more
came than was listed and the archive ended its sending in order: then it was the listing alone that was cut.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydicom import dcmread

from derive.errors import NetworkError, NotKnown, PartlyStored, SourceError, UsageError
from derive.pacs.address import Address
from derive.pacs.archive import Archive, archive_at
from derive.pacs.config import Config, Destination
from derive.pacs.filters import keys_of
from derive.pacs.found import FoundSeries, Listing
from derive.pacs.matching import is_harmless_uid
from derive.told.wording import counted, flag
from derive.writing.atomic import target_folder, unwritable
from derive.writing.unfinished import scratch

SCHEMA = "derive-fetch/1"
#: Of these at least one is needed: without it an archive would be asked for everything it has.
_NARROW = ("study_uid", "series_uid", "accession", "patient_id")
#: With one of these only a part of a study is wanted, so that the counts of the study say nothing.
_PARTS = frozenset({"SeriesInstanceUID", "Modality", "SeriesDescription"})
#: Of these no other question is an answer.
_LASTING = frozenset(
    {"NET-OTHER", "NET-UID", "NET-UNREACHABLE", "NET-TLS", "NET-REJECTED", "NET-AUTH", "NET-DESTINATION"}
)
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Arrival:
    """A series as it came.

    Parameters
    ----------
    series : FoundSeries
        With the number of instances that the archive says it has, where it says so.
    files : mapping of str to str
        Names below the folder by SOP Instance UID.
    listed : Listing of str
        SOP Instance UIDs that the archive lists.
    missing : tuple of str
        Those that it lists, and still says it has, and that did not come.
    trouble : str
        What it said of its sending; empty where that ended in order.
    """

    series: FoundSeries
    files: Mapping[str, str] = field(repr=False)
    listed: Listing[str] = field(repr=False)
    missing: tuple[str, ...] = ()
    trouble: str = ""

    @property
    def complete(self) -> bool | None:
        """Whether it is all that the archive has; None where nobody knows."""
        came, number = len(self.files), self.series.instances
        if not came or self.missing or (number is not None and number > came):
            return False
        if self.listed.whole or number == came:
            return True
        return True if not self.trouble and came > len(self.listed) > 0 else None

    @property
    def why(self) -> str:
        """Why it is not complete, or not known to be; empty where it is."""
        if self.complete:
            return ""
        came, number = len(self.files), self.series.instances
        parts = []
        if self.missing:
            parts.append(
                f"{len(self.missing)} of {counted(len(self.listed), 'instance')} did not come, first {self.missing[0]}"
            )
        elif number is not None and number > came:
            parts.append(f"{came} of {counted(number, 'instance')} came")
        else:
            parts.append(f"{counted(came, 'instance')} came, and whether that is all cannot be told: {self.listed.cut}")
        return "; ".join((*parts, *([self.trouble] if self.trouble else [])))

    def to_json(self) -> dict[str, Any]:
        """Return everything that names nobody, for programs."""
        return {
            "study_instance_uid": self.series.study_instance_uid,
            "series_instance_uid": self.series.series_instance_uid,
            "complete": self.complete,
            "came": len(self.files),
            "listed": len(self.listed),
            "listing_cut": self.listed.cut,
            "counted": self.series.instances,
            "missing": list(self.missing),
            "why": self.why,
        }


@dataclass(frozen=True)
class Fetched:
    """What came from an archive.

    Parameters
    ----------
    folder : Path
    destination : Destination
        The archive.
    arrivals : tuple of Arrival
    cut : str
        Why there may be more series than these; empty where there are none.
    """

    folder: Path
    destination: Destination
    arrivals: tuple[Arrival, ...]
    cut: str = ""

    @property
    def series(self) -> tuple[FoundSeries, ...]:
        """The series."""
        return tuple(a.series for a in self.arrivals)

    @property
    def files(self) -> tuple[Path, ...]:
        """Their files."""
        return tuple(self.folder / name for a in self.arrivals for name in sorted(a.files.values()))

    @property
    def complete(self) -> bool | None:
        """Whether everything that was asked for came; None where nobody knows."""
        states = {a.complete for a in self.arrivals}
        return False if False in states else None if None in states or self.cut else True

    @property
    def exit_code(self) -> int:
        """0; 8 if not everything came; 9 if that is not known."""
        return {True: 0, False: PartlyStored.exit_code, None: NotKnown.exit_code}[self.complete]

    def __str__(self) -> str:
        """Return a line for people."""
        count = f"{len(self.series)} series"
        files = counted(len(self.files), "instance")
        lines = [f"{files} of {count} from {self.destination.address} in {self.folder}"]
        lines += [f"  {a.series.series_instance_uid}: {a.why}" for a in self.arrivals if a.why]
        return "\n".join([*lines, *([f"  there may be more series: {self.cut}"] if self.cut else [])])

    def to_json(self) -> dict[str, Any]:
        """Return everything that names nobody, for programs."""
        return {
            "schema": SCHEMA,
            "archive": str(self.destination.address),
            "folder": str(self.folder),
            "complete": self.complete,
            "series_cut": self.cut,
            "series": [a.to_json() for a in self.arrivals],
            "files": [str(f.relative_to(self.folder)) for f in self.files],
        }


def fetch(
    archive: str | Address | Destination | Archive,
    folder: str | Path,
    *,
    overwrite: bool = False,
    incomplete: bool = False,
    config: Config | None = None,
    **filters: str,
) -> Fetched:
    """Fetch series into a folder.

    Parameters
    ----------
    archive : str, Address, Destination or Archive
        A name of ``derive.toml``, ``AET@host:port``, the root of a DICOMweb service, or a folder.
    folder : str or Path
        New or empty. One series lies in it; of several each in a folder named by its UID.
    overwrite : bool
        Replace a folder that is not empty, as a whole: if all that is in it are instances that derive wrote, or that
        come again.
    incomplete : bool
        Keep what came although it is not everything, or nobody knows whether it is; ``complete`` says which.
    config : Config, optional
    **filters
        ``study_uid``, ``series_uid``, ``accession``, ``patient_id``, and whatever else :func:`derive.find` takes.

    Raises
    ------
    SourceError
        ``NET-NOTFOUND`` if there is no such series, ``NET-PATIENTS`` if they are of several patients.
    NetworkError
        If the archive cannot be reached; ``NET-INCOMPLETE`` if not everything came.
    NotKnown
        ``NET-NOTKNOWN`` if nobody knows whether everything came. In all cases nothing is written.
    """
    source = archive_at(archive, config, new_folder=False)
    return fetch_series(source, _found(source, filters), Path(folder), overwrite=overwrite, incomplete=incomplete)


def fetch_series(
    archive: Archive, series: Listing[FoundSeries], folder: Path, *, overwrite: bool = False, incomplete: bool = False
) -> Fetched:
    """Fetch series that were found, as :func:`fetch` does."""
    if len({s.patient_id for s in series}) > 1:
        raise SourceError("NET-PATIENTS", f"{len(series)} series of several patients; narrow it down to one patient")
    with target_folder(folder, 0, (), overwrite=overwrite, again=True) as temporary:
        came = [_series_into(temporary, one, archive, apart=len(series) > 1) for one in series]
        fetched = Fetched(folder, archive.destination, tuple(came), series.cut)
        if not fetched.complete and not incomplete:
            raise _refusal(fetched)
    return fetched


@contextmanager
def fetched_series(archive: str | Destination, series_uid: str, config: Config | None = None) -> Iterator[Path]:
    """Give a folder with one series of an archive, for as long as the block runs."""
    with scratch() as folder:
        yield fetch(archive, Path(folder) / "series", config=config, series_uid=series_uid).folder


def _refusal(fetched: Fetched) -> NetworkError:
    lacking = [a for a in fetched.arrivals if a.complete is fetched.complete]
    told = "; ".join(
        [*(f"{a.series.series_instance_uid}: {a.why}" for a in lacking[:3]), *([fetched.cut] * (not lacking))]
    )
    missing = [uid for a in lacking for uid in a.missing]
    text = f"{told}; nothing was written; {flag('incomplete')} keeps what came"
    if fetched.complete is None:
        return NotKnown("NET-NOTKNOWN", text, series=[a.to_json() for a in lacking])
    return NetworkError("NET-INCOMPLETE", text, missing=missing, series=[a.to_json() for a in lacking])


def _found(archive: Archive, filters: Mapping[str, str]) -> Listing[FoundSeries]:
    keys = keys_of(filters, "series")
    if not any(filters.get(name) for name in _NARROW):
        raise UsageError("NET-FILTER", f"what is wanted? give at least one of {', '.join(_NARROW)}")
    series = archive.find(keys)
    if not series and series.whole:
        raise SourceError("NET-NOTFOUND", f"{archive.destination.address} has no such series")
    return Listing(series.items, _series_cut(archive, keys, series))


def _series_cut(archive: Archive, keys: Mapping[str, str], series: Listing[FoundSeries]) -> str:
    """Say why there may be more series than were listed; whole studies are held against the number that it says."""
    if keys.get("SeriesInstanceUID"):
        return ""  # what is named is there, or not
    if not _PARTS.isdisjoint(keys):
        return series.cut
    settled = "StudyInstanceUID" in keys
    for uid in dict.fromkeys(s.study_instance_uid for s in series):
        number, listed = _series_counted(archive, uid), sum(s.study_instance_uid == uid for s in series)
        if number is not None and number > listed:
            return f"{archive.destination.address} lists {listed} of the {number} series that it says study {uid} has"
        settled = settled and number is not None
    return "" if settled else series.cut


def _series_counted(archive: Archive, study_uid: str) -> int | None:
    try:
        studies = archive.studies({"StudyInstanceUID": study_uid})
    except NetworkError as error:
        _log.info("%s does not say how many series a study has: %s", archive.destination.address, error.message)
        return None
    return next((s.series for s in studies if s.study_instance_uid == study_uid), None)


def _series_into(folder: Path, series: FoundSeries, archive: Archive, *, apart: bool) -> Arrival:
    """Write a series, and say whether it is all."""
    study_uid, series_uid = series.study_instance_uid, series.series_instance_uid
    inside = Path(_legal(series_uid)) if apart else Path()
    (folder / inside).mkdir(exist_ok=True)
    listed = _listed(archive, study_uid, series_uid)
    names: dict[str, str] = {}

    def take(data: bytes) -> None:
        head = dcmread(io.BytesIO(data), specific_tags=["SOPInstanceUID", "SeriesInstanceUID"], stop_before_pixels=True)
        uid = _legal(str(head.SOPInstanceUID))
        if str(head.SeriesInstanceUID) != series_uid:
            raise NetworkError("NET-OTHER", f"{archive.destination.address} sent an instance of another series, {uid}")
        names[uid] = str(inside / f"{uid}.dcm")
        try:
            (folder / names[uid]).write_bytes(data)
        except OSError as error:
            raise unwritable(f"{uid}.dcm", error) from error

    trouble: NetworkError | None = None
    try:
        archive.fetch(study_uid, series_uid, take)
    except NetworkError as error:
        if error.code in _LASTING or (not names and not listed):
            raise
        trouble = error
    missing, words = [uid for uid in listed if uid not in names], "" if trouble is None else trouble.message
    if missing and not (trouble is not None and trouble.facts.get("silent")):
        missing, words = _one_by_one(archive, series, missing, take, names, words)
    if trouble is not None and not names:
        raise trouble
    return Arrival(series, names, listed, tuple(sorted(missing)), words)


def _one_by_one(
    archive: Archive, series: FoundSeries, missing: Sequence[str], take: Any, names: Mapping[str, str], trouble: str
) -> tuple[list[str], str]:
    """Ask for what did not come instance by instance; what the archive then says it has not is not missing."""
    study_uid, series_uid = series.study_instance_uid, series.series_instance_uid
    _log.warning("%d instances of %s did not come; each is asked for by itself", len(missing), series_uid)
    try:
        archive.fetch(study_uid, series_uid, take, only=missing)
        trouble = ""
    except NetworkError as error:
        trouble = trouble or error.message
    left = [uid for uid in missing if uid not in names]
    if left:
        try:
            said = archive.there(study_uid, series_uid, left)
        except NetworkError:
            return left, trouble
        left = [uid for uid in left if said.get(uid) is not False]
    return left, trouble


def _listed(archive: Archive, study_uid: str, series_uid: str) -> Listing[str]:
    """What the archive lists of a series; where it cannot be asked, nothing, and why."""
    try:
        return archive.instances(study_uid, series_uid)
    except NetworkError as error:
        if error.code not in ("NET-FIND", "NET-ANSWER", "NET-HTTP"):
            raise
        return Listing((), error.message)


def _legal(uid: str) -> str:
    """UIDs become names of files: what is no UID does not."""
    if not is_harmless_uid(uid):
        raise NetworkError("NET-UID", "the archive has an instance whose UID is none; it cannot be a file name")
    return uid
