"""``derive.inspect``: scan, group by series, measure and judge each group."""

from __future__ import annotations

import os
import warnings
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from pydicom.dataset import Dataset

from derive.elements.element import tag_of
from derive.inspection.content import coding_of, patients, values_of
from derive.inspection.grid import Grid, grid_of
from derive.inspection.keywords import integer, text, told
from derive.inspection.stacks import Inspection, Objects, Stack
from derive.inspection.verdicts import Verdict, every, fix_of, read_verdict, refusal, verdicts, without_copies
from derive.model.source import Skipped, SourceSeries
from derive.pixels.decode import uid_of
from derive.reading.groups import distinct
from derive.reading.header import CLASS_SKIPPED, Header
from derive.reading.read import Source
from derive.reading.scan import Progress, Scan, scan
from derive.reading.zips import ZipLimits

_ROWS = tag_of("Rows")
#: Classes whose objects have rows and columns and are no images to look at (PS3.3 A.51, A.84).
_NO_IMAGES = frozenset(["1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7"])


def inspect(source: Source, *, progress: Progress | None = None) -> Inspection:
    """Say what is in a folder, an archive or files, and what derive would say to each stack of it.

    Only headers are read, and no pixel is decoded. A file that cannot be read is listed, with the reason.

    Parameters
    ----------
    source : path, paths or pydicom Datasets
        As :func:`derive.read` takes it.
    progress : callable (done, all), optional
        Goes from 0 to all twice: as files are read, and as their stacks are judged.

    Returns
    -------
    Inspection
        ``str()`` of it is a block of lines a stack.

    Raises
    ------
    SourceError
        ``SRC-MISSING`` if the one thing that was named does not exist.
    UsageError
        ``SRC-INPUT`` for what is no path and no data set.

    Notes
    -----
    Files of one SOP Instance UID whose headers say the same are taken for copies; :func:`derive.read` compares
    their pixels too.
    """
    with warnings.catch_warnings(action="ignore"):  # pydicom's quote odd values, which may name a patient
        found = scan(source, ZipLimits(), progress)
        stacks = _stacks(found, progress)
        every_one = [*found.headers, *found.others]
        return Inspection(
            source=_name(source),
            files=found.files,
            patients=patients(every_one),
            studies=len(distinct(every_one, lambda h: text(h, "StudyInstanceUID"))),
            stacks=stacks,
            objects=_objects(found.others),
            skipped=tuple(found.skipped),
            unreadable=tuple(found.unreadable),
            whole=_whole(found, stacks),
        )


def _name(source: Source) -> str:
    if isinstance(source, str | os.PathLike):
        return str(Path(source))
    return "a data set" if isinstance(source, Dataset) else "several sources"


def _stacks(found: Scan, progress: Progress | None) -> tuple[Stack, ...]:
    series = list(distinct(found.headers, lambda h: text(h, "SeriesInstanceUID")).values())
    for group in series:
        group.sort(key=lambda h: h.name)
    series.sort(key=lambda g: (integer(g[0], "SeriesNumber") or 0, text(g[0], "SeriesInstanceUID")))
    images = [h for h in found.others if _is_image(h)]
    others = distinct(images, lambda h: (text(h, "SeriesInstanceUID"), text(h, "SOPClassUID")))
    done, count = 0, len(found.headers) + len(images)
    made: list[Stack] = []
    for number, group in enumerate([*series, *others.values()], 1):
        made.append(_stack(group, number if number <= len(series) else None, len(series) > 1))
        done += len(group)
        if progress:
            progress(done, count)
    return tuple(made)


def _is_image(header: Header) -> bool:
    return _ROWS in header.tags and text(header, "SOPClassUID") not in _NO_IMAGES


def _stack(headers: Sequence[Header], number: int | None, several: bool) -> Stack:
    kept, copies = without_copies(headers)
    grid, first = grid_of(kept), headers[0]
    source, reads, without_odd = _judged(kept, grid, number is not None)
    uid = text(first, "SeriesInstanceUID")
    return Stack(
        number=number,
        modality=" and ".join(filter(None, told(kept, "Modality"))),
        sop_class_uid=text(first, "SOPClassUID"),
        class_name=" and ".join(dict.fromkeys(uid_of(text(h, "SOPClassUID")).name for h in headers)),
        series_instance_uid=uid,
        study_instance_uid=text(first, "StudyInstanceUID"),
        frame_of_reference_uid=text(first, "FrameOfReferenceUID"),
        series_number=text(first, "SeriesNumber"),
        frames=sum(max(1, integer(h, "NumberOfFrames") or 1) for h in kept),
        image_types=told(headers, "ImageType"),
        files=tuple(sorted(h.name for h in headers)),
        copies=copies,
        grid=grid,
        values=values_of(kept, source),
        coding=coding_of(headers, source),
        reads=reads,
        without_odd=without_odd,
        operations=every(reads) if source is None else verdicts(source),
        choose=f"--series {uid}" if several and uid and number is not None else "",
    )


def _judged(
    headers: Sequence[Header], grid: Grid, is_read: bool
) -> tuple[SourceSeries | None, Verdict, Verdict | None]:
    """Read a stack; return the series, what is said to it, and what is said without its odd images."""
    if not is_read:
        name = uid_of(text(headers[0], "SOPClassUID")).name
        return None, refusal((), [Skipped(h.name, f"{CLASS_SKIPPED}{name}") for h in headers]), None
    source, reads = read_verdict(headers)
    apart = {name for odd in grid.odd if odd.apart for name in odd.files}
    if source is not None or not apart:
        return source, reads, None
    return None, reads, read_verdict([h for h in headers if h.name not in apart])[1]


def _objects(others: Sequence[Header]) -> tuple[Objects, ...]:
    counted = Counter(text(h, "SOPClassUID") for h in others if not _is_image(h))
    return tuple(Objects(uid_of(uid).name, uid, count) for uid, count in counted.most_common())


def _whole(found: Scan, stacks: Sequence[Stack]) -> Verdict:
    """What derive.read says to everything: it stops at the first file that cannot be read."""
    if found.unreadable:
        first = found.unreadable[0]
        return Verdict(first.code, first.reason, fix_of(first.code), "derive.read")
    readable = [s for s in stacks if s.number is not None]
    if len(readable) == 1:
        return readable[0].reads
    classes = [Skipped(h.name, f"{CLASS_SKIPPED}{uid_of(text(h, 'SOPClassUID')).name}") for h in found.others]
    return refusal(found.headers, [*found.skipped, *classes])
