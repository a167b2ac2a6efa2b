"""Every file of a source, one after another: its header, or the reason why there is none. Nothing stops it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeAlias

from pydicom.dataset import Dataset

from derive.limits import Limits
from derive.model.source import Skipped
from derive.reading.files import Found, Origin, Repeated, Source, Unreadable, find, unreadable
from derive.reading.header import Header, Reader
from derive.told.progress import counting

Scanned: TypeAlias = Header | Skipped | Repeated | Unreadable


def scan(found: Iterable[Found], *, others: bool = False) -> Iterator[Scanned]:
    """Read the header of everything that was found.

    Parameters
    ----------
    found : iterable of Found
        As :func:`derive.reading.files.find` gives it.
    others : bool
        Whether private attributes are told too.

    Yields
    ------
    Header, Skipped, Repeated or Unreadable
        One for each that was found.
    """
    reader, refused = Reader(others), set[Path | None]()
    for item in counting("reading", found):
        yield _scanned(item, reader, refused) if isinstance(item, Origin | Dataset) else item


def _scanned(item: Origin | Dataset, reader: Reader, refused: set[Path | None]) -> Scanned:
    """Read one header, unless the archive that holds it turned out to be larger than it may be."""
    name = "a data set" if isinstance(item, Dataset) else item.name
    if isinstance(item, Origin) and item.path in refused:
        return Skipped(name, "not unpacked any more: the archive is too large")
    try:
        return reader.of_dataset(item) if isinstance(item, Dataset) else reader.read(item)
    except Exception as error:  # whatever is wrong with one file is no matter of the others
        fault = unreadable(name, error)
        if isinstance(item, Origin) and fault.code == "ZIP-SIZE":
            refused.add(item.path)
        return fault


def all_of(source: Source, limits: Limits | None = None) -> tuple[list[Header], list[Skipped]]:
    """Read the header of everything in a source that is read whole or not at all.

    Raises
    ------
    SourceError
        The first that cannot be read.
    """
    headers: list[Header] = []
    skipped: list[Skipped] = []
    for found in scan(find(source, limits)):
        if isinstance(found, Unreadable):
            raise found.error
        if isinstance(found, Header):
            headers.append(found)
        elif isinstance(found, Skipped):
            skipped.append(found)
    return headers, skipped
