"""Fetch: series from an archive into a folder, whole or not at all."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydicom import dcmread

from derive.errors import NetworkError, SourceError, UsageError
from derive.pacs.address import Address
from derive.pacs.archive import Archive, archive_at
from derive.pacs.config import Config, Destination
from derive.pacs.matching import is_harmless_uid
from derive.pacs.outcome import FILTERS, FoundSeries
from derive.wording import counted
from derive.writing.atomic import target_folder, unwritable
from derive.writing.unfinished import scratch

SCHEMA = "derive-fetch/1"
#: Of these at least one is needed: without it an archive would be asked for everything it has.
_NARROW = ("study_uid", "series_uid", "accession", "patient_id")


@dataclass(frozen=True)
class Fetched:
    """What came from an archive.

    Parameters
    ----------
    folder : Path
    destination : Destination
        The archive.
    series : tuple of FoundSeries
    files : tuple of Path
    """

    folder: Path
    destination: Destination
    series: tuple[FoundSeries, ...]
    files: tuple[Path, ...] = field(repr=False)

    def __str__(self) -> str:
        """Return a line for people."""
        count = f"{len(self.series)} series"
        return f"{counted(len(self.files), 'instance')} of {count} from {self.destination.address} in {self.folder}"

    def to_json(self) -> dict[str, Any]:
        """Return everything that names nobody, for programs."""
        return {
            "schema": SCHEMA,
            "archive": str(self.destination.address),
            "folder": str(self.folder),
            "series": [
                {"study_instance_uid": s.study_instance_uid, "series_instance_uid": s.series_instance_uid}
                for s in self.series
            ],
            "files": [str(f.relative_to(self.folder)) for f in self.files],
        }


def fetch(
    archive: str | Address | Destination | Archive,
    folder: str | Path,
    *,
    overwrite: bool = False,
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
    config : Config, optional
    **filters
        ``study_uid``, ``series_uid``, ``accession``, ``patient_id``, ``modality``, ``series_description``.

    Raises
    ------
    SourceError
        ``NET-NOTFOUND`` if there is no such series, ``NET-PATIENTS`` if they are of several patients.
    NetworkError
        If the archive cannot be reached, or not everything came; then nothing is written.
    """
    source = archive_at(archive, config)
    series = _found(source, filters)
    target = Path(folder)
    with target_folder(target, 0, (), overwrite=overwrite, again=True) as temporary:
        names = [name for one in series for name in _series_into(temporary, one, source, apart=len(series) > 1)]
    return Fetched(target, source.destination, tuple(series), tuple(target / name for name in names))


@contextmanager
def fetched_series(archive: str | Destination, series_uid: str, config: Config | None = None) -> Iterator[Path]:
    """Give a folder with one series of an archive, for as long as the block runs."""
    with scratch() as folder:
        yield fetch(archive, Path(folder) / "series", config=config, series_uid=series_uid).folder


def _found(archive: Archive, filters: Mapping[str, str]) -> list[FoundSeries]:
    unknown = sorted(filters.keys() - FILTERS.keys())
    if unknown:
        raise UsageError("OPT-UNKNOWN", f"unknown filters {unknown}; there are {sorted(FILTERS)}")
    if not any(filters.get(name) for name in _NARROW):
        raise UsageError("NET-FILTER", f"what is wanted? give at least one of {', '.join(_NARROW)}")
    asked = {FILTERS[name]: value for name, value in filters.items() if value}
    series = archive.find(asked)
    if not series:
        raise SourceError("NET-NOTFOUND", f"{archive.destination.address} has no such series")
    if len({s.patient_id for s in series}) > 1:
        raise SourceError("NET-PATIENTS", f"{len(series)} series of several patients; narrow it down to one patient")
    return series


def _series_into(folder: Path, series: FoundSeries, archive: Archive, *, apart: bool) -> list[str]:
    """Write a series; return the names of its files."""
    study_uid, series_uid = series.study_instance_uid, series.series_instance_uid
    wanted = set(archive.instances(study_uid, series_uid))
    inside = Path(_legal(series_uid)) if apart else Path()
    (folder / inside).mkdir(exist_ok=True)
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

    archive.fetch(study_uid, series_uid, take)
    missing = sorted(wanted - names.keys())
    if missing:
        raise NetworkError(
            "NET-INCOMPLETE",
            f"{len(missing)} of {counted(len(wanted), 'instance')} of {series_uid} did not come, the "
            f"first {missing[0]}; "
            "nothing was written",
            missing=missing,
        )
    return sorted(names.values())


def _legal(uid: str) -> str:
    """UIDs become names of files: what is no UID does not."""
    if not is_harmless_uid(uid):
        raise NetworkError("NET-UID", "the archive has an instance whose UID is none; it cannot be a file name")
    return uid
