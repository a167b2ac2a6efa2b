"""Find: the studies or series that an archive has, as a table and for programs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from derive.errors import NetworkError, SourceError, UsageError
from derive.pacs.address import Address
from derive.pacs.archive import Archive, archive_at
from derive.pacs.config import Config, Destination
from derive.pacs.filters import LEVELS, LIMIT, Level, keys_of, level_of
from derive.pacs.found import FoundSeries, FoundStudy, Listing, limited_to
from derive.pacs.matching import is_harmless_uid, matches
from derive.told.wording import flag

SCHEMA = "derive-find/1"
#: So many studies or series are asked for below at most, where an archive does not count what is in them.
_MOST_COUNTED = 40
_STUDY_HEADS = ("date", "patient ID", "patient name", "accession", "modalities", "series", "images", "description")
_SERIES_HEADS = ("date", "patient ID", "patient name", "modality", "number", "images", "description")
_UIDS = re.compile(r"[0-9]+(\.[0-9]+)+(/[0-9]+(\.[0-9]+)+)?")
_WIDEST = 24


@dataclass(frozen=True)
class Catalogue:
    """What an archive has.

    Parameters
    ----------
    destination : Destination
    level : {"study", "series"}
    rows : tuple of FoundStudy or FoundSeries
        By date and description; what tells of patients is shown, as it was asked for.
    cut : str
        Why there may be more; empty where that is all.
    """

    destination: Destination
    level: Level
    rows: tuple[FoundStudy, ...] | tuple[FoundSeries, ...] = field(repr=False)
    cut: str = ""

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[FoundStudy | FoundSeries]:
        return iter(self.rows)

    def __str__(self) -> str:
        """Return a table; each line ends with the UIDs by which ``fetch`` takes it."""
        return self.table()

    def table(self, width: int | None = None) -> str:
        """Return a table, and a line of how many there are.

        Parameters
        ----------
        width : int, optional
            Of a line, in characters; what does not fit has its UIDs on lines of their own.
        """
        count = f"{len(self.rows)} {'series' if self.level == 'series' else _plural(len(self.rows))}"
        cut = f"; not all: {self.cut}" if self.cut else ""
        lines = _table(self.rows, width)
        if any(row.instances is None for row in self.rows):
            cut += f"\n?: the archive does not say how many; of one study ({flag('study_uid', 'UID')}) they are counted"
        return "\n".join([*lines, f"{count} at {self.destination.address}{cut}"])

    def to_json(self) -> dict[str, Any]:
        """Return everything, for programs; schemas/find.json describes it."""
        return {
            "schema": SCHEMA,
            "archive": str(self.destination.address),
            "level": self.level,
            "complete": not self.cut,
            "cut": self.cut,
            "rows": [row.to_json() for row in self.rows],
        }


def find(
    archive: str | Address | Destination | Archive,
    *,
    level: Level | None = None,
    limit: int = LIMIT,
    config: Config | None = None,
    **filters: str,
) -> Catalogue:
    """Find the studies or series that an archive has.

    Parameters
    ----------
    archive : str, Address, Destination or Archive
        A name of ``derive.toml``, ``AET@host:port``, the root of a DICOMweb service, or a folder.
    level : {"study", "series"}, optional
        Without it series of one study (``study_uid``) or by what only series have, else studies.
    limit : int
        So many at most; where there are more, :attr:`Catalogue.cut` says so.
    config : Config, optional
    **filters
        ``study_uid``, ``series_uid``, ``accession``, ``patient_id``, ``patient_name``, ``date`` (of the study; a range:
        ``20260101-20260131``), ``modality``, ``description`` (of the study, or the series), ``study_description``,
        ``series_description``; with the wildcards ``*`` and ``?`` but in UIDs and dates (PS3.4 C.2.2.2).

    Raises
    ------
    UsageError
        ``OPT-UNKNOWN``, ``NET-FILTER``, ``NET-LIMIT``.
    NetworkError
        If the archive cannot be reached, or does not answer such questions.
    """
    if limit < 1:
        raise UsageError("NET-LIMIT", f"limit {limit}; wanted a whole number above 0")
    if level is not None and level not in LEVELS:
        raise UsageError("NET-FILTER", f"there is no level {level!r}; wanted study or series")
    asked = level or level_of(filters)
    keys, source = keys_of(filters, asked), archive_at(archive, config, new_folder=False)
    if asked == "series":
        series = source.find(keys, limit=limit)
        rows = tuple(sorted(_with_images(source, series.items), key=_series_order))
        return Catalogue(source.destination, asked, rows, series.cut)
    studies = _studies(source, keys, limit)
    found = sorted(_with_counts(source, studies.items), key=_study_order)
    return Catalogue(source.destination, asked, tuple(found), studies.cut)


def uids_in(text: str) -> list[tuple[str, str]]:
    """Return what lines of :func:`find` name: Study and Series Instance UID of each, one of them empty where unsaid.

    Parameters
    ----------
    text : str
        JSON of ``derive find --json``, or of its rows; else lines of its table, of which the UIDs at the end count.

    Raises
    ------
    UsageError
        ``NET-FROM`` where there is none.
    """
    try:
        said = json.loads(text)
    except ValueError:
        found = [pair for line in text.splitlines() if (pair := _pair_of(line)) is not None]
    else:
        rows = said.get("rows", [said]) if isinstance(said, dict) else said
        found = [_pair_of_row(row) for row in rows] if isinstance(rows, list) else []
    if not found:
        raise UsageError("NET-FROM", "there is no UID in it; wanted lines, or the JSON, of derive find")
    return list(dict.fromkeys(found))


def named_series(archive: Archive, pairs: Sequence[tuple[str, str]]) -> Listing[FoundSeries]:
    """Return the series that UIDs name; of a UID alone nobody knows whether it is of a study or a series, so both."""
    found: dict[str, FoundSeries] = {}
    cut = ""
    for study, series in pairs:
        keys = {"StudyInstanceUID": study, "SeriesInstanceUID": series}
        listing = archive.find({k: v for k, v in keys.items() if v})
        if not listing and not series:
            listing = archive.find({"SeriesInstanceUID": study})
        if not listing:
            raise SourceError("NET-NOTFOUND", f"{archive.destination.address} has no {series or study}")
        found |= {s.series_instance_uid: s for s in listing}
        cut = cut or listing.cut
    return Listing(tuple(found.values()), cut)


def _pair_of(line: str) -> tuple[str, str] | None:
    """Return the last UIDs of a line: what is before them may look like one."""
    words = (word.strip("\"',;") for word in line.split())
    found = [word for word in words if _UIDS.fullmatch(word)]
    if not found:
        return None
    study, _, series = found[-1].partition("/")
    return study, series


def _pair_of_row(row: Any) -> tuple[str, str]:
    names = ("study_instance_uid", "series_instance_uid")
    study, series = (str(row.get(n) or "") if isinstance(row, dict) else "" for n in names)
    if not all(is_harmless_uid(uid) for uid in (study, series) if uid) or not (study or series):
        raise UsageError("NET-FROM", "a row has no UID; wanted the JSON of derive find")
    return study, series


def _studies(archive: Archive, keys: dict[str, str], limit: int) -> Listing[FoundStudy]:
    """Return studies; those of an archive that does not match by modality are looked into."""
    modality = keys.get("ModalitiesInStudy", "")
    try:
        return archive.studies(keys, limit=limit)
    except NetworkError as error:
        if not modality or error.facts.get("unmatched") != "ModalitiesInStudy":
            raise
    rest = {k: v for k, v in keys.items() if k != "ModalitiesInStudy"}
    every = archive.studies(rest, limit=LIMIT)
    found = [
        s
        for s in _looked_into(archive, every.items)
        if any(matches(modality, m, "CS", fold=True) for m in s.modalities)
    ]
    more = limited_to(limit) if len(found) > limit else ""
    return Listing(tuple(found[:limit]), more or every.cut)


def _with_counts(archive: Archive, studies: Sequence[FoundStudy]) -> Sequence[FoundStudy]:
    """Fill in modalities and counts that the archive does not say of a study, where these are not too many."""
    lacking = [s for s in studies if s.series is None or not s.modalities]
    if not 0 < len(lacking) <= _MOST_COUNTED:
        return studies
    filled = dict(zip((s.study_instance_uid for s in lacking), _looked_into(archive, lacking), strict=True))
    return [filled.get(s.study_instance_uid, s) for s in studies]


def _looked_into(archive: Archive, studies: Sequence[FoundStudy]) -> Iterator[FoundStudy]:
    for study in studies:
        series = archive.find({"StudyInstanceUID": study.study_instance_uid})
        counted = study.instances is not None or len(studies) > _MOST_COUNTED
        numbers = [s.instances for s in (series if counted else _with_images(archive, series.items))]
        known = series.whole and None not in numbers
        yield replace(
            study,
            modalities=study.modalities or tuple(sorted({s.modality for s in series} - {""})),
            series=study.series if study.series is not None else len(series) if series.whole else None,
            instances=study.instances if study.instances is not None or not known else sum(n or 0 for n in numbers),
        )


def _with_images(archive: Archive, series: Sequence[FoundSeries]) -> list[FoundSeries]:
    """Count the instances of series that the archive does not count, where these are not too many."""
    lacking = sum(s.instances is None for s in series)
    if lacking > _MOST_COUNTED:
        return list(series)
    return [_counted(archive, s) if s.instances is None else s for s in series]


def _counted(archive: Archive, series: FoundSeries) -> FoundSeries:
    listed = archive.instances(series.study_instance_uid, series.series_instance_uid)
    return replace(series, instances=len(listed)) if listed.whole else series


def _study_order(study: FoundStudy) -> tuple[str, str, str]:
    return study.study_date, study.study_time, study.study_instance_uid


def _series_order(series: FoundSeries) -> tuple[str, str, int, str]:
    number = series.series_number
    return series.study_date, series.study_instance_uid, -1 if number is None else number, series.series_instance_uid


def _plural(count: int) -> str:
    return "study" if count == 1 else "studies"


def _table(rows: Sequence[FoundStudy | FoundSeries], width: int | None) -> list[str]:
    cells = [_study_cells(r) if isinstance(r, FoundStudy) else _series_cells(r) for r in rows]
    if not cells:
        return []
    heads = _STUDY_HEADS if isinstance(rows[0], FoundStudy) else _SERIES_HEADS
    widths = [max(len(row[i]) for row in (heads, *cells)) for i in range(len(heads))]
    uids = ["UID" if isinstance(rows[0], FoundStudy) else "study UID/series UID", *map(_uids, rows)]
    lines = ["  ".join(cell.ljust(wide) for cell, wide in zip(row, widths, strict=True)) for row in (heads, *cells)]
    if width is None or max(len(line) + 2 + len(uid) for line, uid in zip(lines, uids, strict=True)) <= width:
        return [f"{line}  {uid}" for line, uid in zip(lines, uids, strict=True)]
    return [part for line, uid in zip(lines, uids, strict=True) for part in (line[:width].rstrip(), f"  {uid}")]


def _study_cells(row: FoundStudy) -> tuple[str, ...]:
    who = (_date(row.study_date), row.patient_id, row.patient_name, row.accession_number, ",".join(row.modalities))
    return (*map(_cell, who), _count(row.series), _count(row.instances), _cell(row.study_description))


def _series_cells(row: FoundSeries) -> tuple[str, ...]:
    who = (_date(row.study_date), row.patient_id, row.patient_name, row.modality)
    return (*map(_cell, who), _count(row.series_number), _count(row.instances), _cell(row.series_description))


def _uids(row: FoundStudy | FoundSeries) -> str:
    return "/".join(_plain(uid) for uid in (row.study_instance_uid, getattr(row, "series_instance_uid", "")) if uid)


def _date(text: str) -> str:
    return f"{text[:4]}-{text[4:6]}-{text[6:]}" if len(text) == 8 and text.isdigit() else text


def _count(number: int | None) -> str:
    return "?" if number is None else str(number)


def _cell(text: str) -> str:
    plain = _plain(text) or "-"
    return plain if len(plain) <= _WIDEST else f"{plain[: _WIDEST - 3]}..."


def _plain(text: str) -> str:
    """Return a text without what a terminal takes for a command."""
    return "".join(c if c.isprintable() else " " for c in text).strip()
