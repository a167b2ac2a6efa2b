"""``derive.inspect``: scan, group by series, measure and judge each group."""

from __future__ import annotations

import os
import warnings
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pydicom.dataset import Dataset

from derive.elements.element import tag_of
from derive.elements.instance import different
from derive.inspection.content import coding_of, patients, values_of
from derive.inspection.grid import Grid, grid_of
from derive.inspection.inspection import Inspection
from derive.inspection.parts import described, parts_of
from derive.inspection.segments import inspected
from derive.inspection.stacks import Objects, Stack
from derive.inspection.verdicts import AROUND, Verdict, every, fix_of, read_verdict, refusal, verdicts, without_copies
from derive.model.remark import lines_of
from derive.model.source import Skipped, SourceSeries
from derive.pixels.codecs import uid_of
from derive.reading.assumed import checked_assumptions
from derive.reading.choice import Choice
from derive.reading.files import Repeated, Source, Unreadable, find
from derive.reading.groups import distinct
from derive.reading.header import Header
from derive.reading.scan import scan
from derive.reading.segmentations import CLASSES, is_segmentation
from derive.reading.select import apart, unread
from derive.reading.stacks import PARTED
from derive.told.secrecy import shown_code_strings
from derive.told.wording import flag

#: Told how many of how many are done.
Progress = Callable[[int, int], None]
_ROWS = tag_of("Rows")
#: Classes whose objects have rows and columns and are no images to look at (PS3.3 A.51).
_NO_IMAGES = CLASSES


@dataclass(frozen=True)
class _Contents:
    """What a source holds.

    Parameters
    ----------
    images : tuple of Header
        Of the classes that derive reads.
    objects : tuple of Header
        Of other classes, without their sequences.
    skipped : tuple of Skipped
        What is no DICOM object, and why.
    unreadable : tuple of Unreadable
        What derive.read would stop at.
    files : int
        How many were looked at.
    segmentations : tuple of Header
        Those of the objects that hold segments, whole.
    """

    images: tuple[Header, ...]
    objects: tuple[Header, ...]
    skipped: tuple[Skipped, ...]
    unreadable: tuple[Unreadable, ...]
    files: int
    segmentations: tuple[Header, ...] = ()


def inspect(
    source: Source, *, progress: Progress | None = None, assume: Mapping[str, object] | None = None
) -> Inspection:
    """Say what is in a folder, an archive or files, and what derive would say to each stack of it.

    Only headers are read, and no pixel is decoded. A file that cannot be read is listed, with the reason.

    Parameters
    ----------
    source : path, paths or pydicom Datasets
        As :func:`derive.read` takes it.
    progress : callable (done, all), optional
        Goes from 0 to all twice: as files are read, and as their stacks are judged.
    assume : mapping keyword -> value, optional
        What the files do not say, or say illegally, as :func:`derive.read` takes it; of each stack what it needs.

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
        found = _contents(source, progress)
        stacks = _stacks(found, progress, checked_assumptions(assume))
        every_one = [h.lenient for h in (*found.images, *found.objects)]
        return Inspection(
            source=_name(source),
            files=found.files,
            patients=patients(every_one),
            studies=len(distinct(every_one, lambda h: h.text("StudyInstanceUID"))),
            stacks=stacks,
            objects=_objects(found.objects),
            skipped=found.skipped,
            unreadable=found.unreadable,
            whole=_whole(found, stacks),
            segmentations=tuple(map(inspected, found.segmentations)),
        )


def _name(source: Source) -> str:
    if isinstance(source, str | os.PathLike):
        return str(Path(source))
    return "a data set" if isinstance(source, Dataset) else "several sources"


def _contents(source: Source, progress: Progress | None) -> _Contents:
    """Look at everything."""
    items = list(find(source))
    if len(items) == 1 and isinstance(items[0], Unreadable) and items[0].code == "SRC-MISSING":
        raise items[0].error
    headers: list[Header] = []
    skipped: list[Skipped] = []
    closed: list[Unreadable] = []
    for done, item in enumerate(scan(items), 1):
        if isinstance(item, Header):
            headers.append(item)
        elif isinstance(item, Unreadable):
            closed.append(item)
        else:
            skipped.append(Skipped(item.name, f"the same file as {item.first}") if isinstance(item, Repeated) else item)
        if progress:
            progress(done, len(items))
    images, others = apart(headers)
    skipped += [unread(h) for h in others if not h.sop_class_uid]
    objects = [_without_sequences(h) for h in others if h.sop_class_uid]
    files = sum(not isinstance(i, Unreadable) for i in items)
    segments = sorted(filter(is_segmentation, others), key=lambda h: h.name)
    return _Contents(tuple(images), tuple(objects), tuple(skipped), tuple(closed), files, tuple(segments))


def _without_sequences(header: Header) -> Header:
    """Leave out what nothing is told of: those of a multi-frame image are as long as a hundred headers."""
    return replace(header, elements={tag: e for tag, e in header.elements.items() if e.vr != "SQ"})


def _stacks(found: _Contents, progress: Progress | None, assume: Mapping[str, str]) -> tuple[Stack, ...]:
    series = list(distinct(found.images, lambda h: h.lenient.text("SeriesInstanceUID")).values())
    for group in series:
        group.sort(key=lambda h: h.name)
    series.sort(key=lambda g: (g[0].lenient.integer("SeriesNumber") or 0, g[0].lenient.text("SeriesInstanceUID")))
    images = [h for h in found.objects if _is_image(h)]
    others = distinct(images, lambda h: (h.lenient.text("SeriesInstanceUID"), h.sop_class_uid))
    done, count = 0, len(found.images) + len(images)
    made: list[Stack] = []
    for number, group in enumerate([*series, *others.values()], 1):
        made.append(_stack(group, number if number <= len(series) else None, len(series) > 1, assume))
        done += len(group)
        if progress:
            progress(done, count)
    return tuple(made)


def _is_image(header: Header) -> bool:
    return _ROWS in header.tags and header.sop_class_uid not in _NO_IMAGES


def _stack(headers: Sequence[Header], number: int | None, several: bool, assume: Mapping[str, str]) -> Stack:
    kept, copies = without_copies(headers)
    told, first = [h.lenient for h in kept], headers[0].lenient
    frames = described(kept) if number is not None else told
    grid = grid_of(frames)
    source, reads, without_odd = _judged(kept, grid, number is not None, assume)
    uid = first.text("SeriesInstanceUID")
    return Stack(
        number=number,
        modality=" and ".join(filter(None, different(told, "Modality"))),
        sop_class_uid=first.sop_class_uid,
        class_name=" and ".join(dict.fromkeys(h.class_name for h in headers)),
        series_instance_uid=uid,
        study_instance_uid=first.text("StudyInstanceUID"),
        frame_of_reference_uid=first.text("FrameOfReferenceUID"),
        series_number=first.text("SeriesNumber"),
        frames=sum(max(1, h.integer("NumberOfFrames") or 1) for h in told),
        image_types=tuple(map(shown_code_strings, different([h.lenient for h in headers], "ImageType"))),
        files=tuple(sorted(h.name for h in headers)),
        copies=copies,
        grid=grid,
        values=values_of(told, frames, source),
        coding=coding_of([h.lenient for h in headers], source),
        reads=reads,
        without_odd=without_odd,
        operations=_operations(kept, source, reads, assume),
        choose=flag("series", uid) if several and uid and number is not None else "",
        remarks=() if source is None else tuple(lines_of(source.remarks, len(source.frames))),
        parts=() if number is None else parts_of(kept, source, reads, assume),
    )


def _judged(
    headers: Sequence[Header], grid: Grid, is_read: bool, assume: Mapping[str, str]
) -> tuple[SourceSeries | None, Verdict, Verdict | None]:
    """Read a stack; return the series, what is said to it, and what is said without its odd images."""
    if not is_read:
        return None, refusal(headers, ()), None
    source, reads = read_verdict(headers, assume)
    apart = {name for odd in grid.odd if odd.apart for name in odd.files}
    if source is not None or not apart:
        return source, reads, None
    return None, reads, read_verdict([h for h in headers if h.name not in apart], assume)[1]


def _operations(
    headers: Sequence[Header], source: SourceSeries | None, reads: Verdict, assume: Mapping[str, str]
) -> Mapping[str, Verdict]:
    """Say what each operation says: of pictures that are several stacks, to all of them."""
    if source is None and reads.code in PARTED:
        source, _ = read_verdict(headers, assume, Choice(every_stack=True))
        beside = {} if source is None else dict.fromkeys(AROUND, reads)
        return every(reads) if source is None else verdicts(source) | beside
    return every(reads) if source is None else verdicts(source)


def _objects(headers: Sequence[Header]) -> tuple[Objects, ...]:
    counted = Counter(h.sop_class_uid for h in headers if not _is_image(h))
    return tuple(Objects(uid_of(uid).name, uid, count) for uid, count in counted.most_common())


def _whole(found: _Contents, stacks: Sequence[Stack]) -> Verdict:
    """What derive.read says to everything: it stops at the first file that cannot be read."""
    if found.unreadable:
        first = found.unreadable[0]
        return Verdict(first.code, first.reason, fix_of(first.code), "derive.read")
    readable = [s for s in stacks if s.number is not None]
    if len(readable) == 1:
        return readable[0].reads
    return refusal([*found.images, *found.objects], found.skipped)
