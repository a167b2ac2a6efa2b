"""Files, folders, archives or data sets to one SourceSeries: headers only, sorted and checked."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import IO

from pydicom.dataset import Dataset

from derive.elements.charset import transcode
from derive.elements.element import Element, tag_of
from derive.elements.encoding import encode
from derive.elements.parse import Memory
from derive.errors import SourceError, UsageError
from derive.model.geometry import Plane
from derive.model.source import AttributeTable, Skipped, SourceFrame, SourceSeries
from derive.pixels.decode import decode, is_lossy
from derive.reading.header import Header, Origin, of_dataset, of_file, of_stream
from derive.reading.pixel_attributes import check_alike, layout_of, padding_of, rescale_of
from derive.reading.planes import even_stack_of
from derive.reading.select import select
from derive.reading.zips import Archive, ZipLimits

Source = str | Path | Dataset | Iterable[str | Path] | Iterable[Dataset]


def read(source: Source, *, series: str | None = None, limits: ZipLimits | None = None) -> SourceSeries:
    """Read one series of classic CT, MR or PET images.

    Only headers are read; pixels are decoded when they are asked for. The order of files, their names and
    Instance Numbers do not matter: images are sorted by position along their normal.

    Parameters
    ----------
    source : path, paths or pydicom Datasets
        A folder (with all folders in it), a file, a zip archive, a list of any of these; or Datasets with
        their pixels, which stay in memory and must not be changed afterwards.
    series : str, optional
        Which one, where there are several: a Series Instance UID, a Series Number (``3``), the place in the
        list that the error shows (``#3``), or a pattern for the Series Description (``*`` and ``?``, any
        case; without them the whole description). What fits several series is refused.
    limits : ZipLimits, optional
        What an archive may cost.

    Returns
    -------
    SourceSeries
        What was found beside it is in its ``skipped``.

    Raises
    ------
    SourceError
        ``SRC-...`` and ``ZIP-...``: no images, several series, several patients, no way to decode, ...
    GeometryError
        ``GEO-...``: the images do not make one even stack.
    ValuesError
        ``VAL-...``: pixels are cut short, in colour, or cannot be rescaled.
    """
    headers: list[Header] = []
    skipped: list[Skipped] = []
    for found in _found(source, limits or ZipLimits()):
        if isinstance(found, Header):
            headers.append(found)
        else:
            skipped.append(found)
    return series_of(headers, skipped, series)


def series_of(headers: Sequence[Header], skipped: Sequence[Skipped] = (), series: str | None = None) -> SourceSeries:
    """Make one series of headers: choose, sort, and refuse what is no volume.

    Parameters
    ----------
    headers : sequence of Header
    skipped : sequence of Skipped
        What else was found.
    series : str, optional
        Which one, as in :func:`read`.

    Raises
    ------
    SourceError, GeometryError, ValuesError
        As :func:`read`.
    """
    chosen = select(headers, skipped, series)
    order, planes, geometry = even_stack_of(chosen.headers)
    ordered = [chosen.headers[i] for i in order]
    check_alike(ordered)
    uid = ordered[0].text("SeriesInstanceUID")
    others = [Skipped(h.name, "another series") for h in headers if h.text("SeriesInstanceUID") != uid]
    return SourceSeries(
        frames=tuple(map(_frame, ordered, planes)),
        table=_table(ordered),
        geometry=geometry,
        tags=frozenset().union(*{h.tags for h in ordered}),
        skipped=(*skipped, *chosen.skipped, *others),
    )


def _found(source: Source, limits: ZipLimits) -> Iterator[Header | Skipped]:
    memory = Memory()
    several = isinstance(source, Iterable) and not isinstance(source, str | Dataset)
    items: Iterable[object] = source if several else [source]  # type: ignore[assignment]  # just tested
    seen: set[tuple[int, int]] = set()
    for item in items:
        if isinstance(item, Dataset):
            yield of_dataset(item, memory)
            continue
        if not isinstance(item, str | os.PathLike):
            raise UsageError("SRC-INPUT", f"{type(item).__name__} cannot be read; wanted paths or pydicom Datasets")
        for path, name in _files(Path(item)):
            status = _status(path)
            if (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            if not stat.S_ISREG(status.st_mode):
                yield Skipped(name, "not a regular file")
            elif not _is_archive(path):
                yield of_file(path, name, memory)
            elif path == Path(item):
                yield from _of_archive(Archive(path, limits), memory)
            else:
                yield Skipped(name, "an archive inside a folder; give its own name to read it")


def _files(root: Path) -> Iterator[tuple[Path, str]]:
    """Give the files below a folder, or the file itself, with the name that messages use."""
    if not root.exists():
        raise SourceError("SRC-MISSING", f"{root.name} does not exist")
    if not root.is_dir():
        yield root, root.name
        return
    for folder, folders, names in os.walk(root, onerror=_unreadable):
        folders.sort()
        inside = Path(folder).relative_to(root).as_posix()
        for name in sorted(names):
            yield Path(folder, name), name if inside == "." else f"{inside}/{name}"


def _unreadable(error: OSError) -> None:
    raise SourceError("SRC-UNREADABLE", f"a folder cannot be read: {error.strerror}") from error


def _status(path: Path) -> os.stat_result:
    try:
        return os.stat(path)
    except OSError as error:
        raise SourceError("SRC-UNREADABLE", f"{path.name} cannot be read: {error.strerror}") from error


def _is_archive(path: Path) -> bool:
    """Whether a file begins as a zip archive does, and not as a DICOM file."""
    try:
        with open(path, "rb", buffering=0) as stream:
            head = stream.read(132)
    except OSError as error:
        raise SourceError("SRC-UNREADABLE", f"{path.name} cannot be read: {error.strerror}") from error
    return head[:4] in (b"PK\x03\x04", b"PK\x05\x06") and head[128:] != b"DICM"


def _of_archive(archive: Archive, memory: Memory) -> Iterator[Header | Skipped]:
    for member in archive.members():
        reopen: partial[IO[bytes]] = partial(archive.open, member)
        with reopen() as stream:
            yield of_stream(stream, Origin(member.filename, archive.path, reopen), memory)


def _frame(header: Header, plane: Plane) -> SourceFrame:
    layout = layout_of(header)
    padding = padding_of(header, layout)
    pixels = header.pixels
    assert pixels is not None, "select() refuses images without pixels"
    stated = header.text("LossyImageCompression") == "01"
    return SourceFrame(
        name=header.name,
        reference=header.reference,
        stored_values=partial(decode, layout, padding, pixels, header.name),
        rescale=rescale_of(header),
        padding=padding,
        stored_range=layout.stored_range,
        plane=plane,
        lossy=is_lossy(layout, pixels, stated, header.name),
        path=header.path,
    )


def _table(headers: Sequence[Header]) -> AttributeTable:
    """Tabulate attributes; where character sets differ, all text becomes ISO_IR 192."""
    charset = tag_of("SpecificCharacterSet")
    if len({h.elements.get(charset) for h in headers}) == 1:
        return AttributeTable(h.elements for h in headers)
    utf8 = encode("SpecificCharacterSet", "ISO_IR 192")
    return AttributeTable(_in_utf8(h) | {charset: utf8} for h in headers)


def _in_utf8(header: Header) -> dict[int, Element]:
    return {tag: transcode(e, header.encodings) for tag, e in header.elements.items()}
