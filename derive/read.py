"""Files to one source series: found, chosen, sorted along the normal, and refused if not one volume.

Headers are read; pixels stay where they are until a slice is asked for. What cannot be decoded or does not
make a volume is refused here, before any work.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TypeAlias

from pydicom.dataset import Dataset

from derive.archive import ZipLimits
from derive.copies import Image, without_copies
from derive.errors import UsageError
from derive.files import find
from derive.header import Header, Interned, header_of, read_header
from derive.pixels import encoded_image, is_lossy
from derive.planes import geometry_of
from derive.rescale import padding_of, quantity_of, rescale_of
from derive.select import select
from derive.source import AttributeTable, Reference, Skipped, SourceInstance, SourceSeries

Source: TypeAlias = str | Path | Iterable[str | Path] | Iterable[Dataset]


def read(source: Source, *, series: str | None = None, limits: ZipLimits | None = None) -> SourceSeries:
    """Read one series of classic CT, MR or PET images that makes one volume.

    Parameters
    ----------
    source : path, paths, or data sets
        A folder (read with its subfolders), a zip archive, a file, several of these, or pydicom data sets
        with their pixels.
    series : str, optional
        Which of several series: a Series Instance UID, a number in the list that the refusal prints or a
        Series Number, or a pattern for the Series Description (``*head*``).
    limits : ZipLimits, optional
        How much an archive may hold.

    Returns
    -------
    SourceSeries
        In spatial order; what else was found is in ``skipped``, with a reason.

    Raises
    ------
    UsageError
        ``USE-SOURCE`` for what is neither a path nor a data set.
    SourceError
        ``SRC-...`` if the source is not one readable series.
    GeometryError
        ``GEO-...`` if its images are not one volume.
    ValuesError
        ``VAL-...`` if the meaning of its stored values is not known, or they are cut off.
    """
    skipped: list[Skipped] = []
    headers = list(_headers(source, limits or ZipLimits(), skipped))
    chosen = select(headers, series, skipped)
    images, copies = without_copies([Image(h, encoded_image(h)) for h in chosen.headers])
    instances = [_instance(image) for image in images]
    geometry, order = geometry_of([image.header for image in images])
    result = SourceSeries(
        instances=tuple(instances[i] for i in order),
        table=AttributeTable([images[i].header.elements for i in order]),
        geometry=geometry,
        tags=frozenset().union(*{image.header.tags for image in images}),
        skipped=(*chosen.skipped, *copies),
    )
    quantity_of(result)
    return result


def _headers(source: Source, limits: ZipLimits, skipped: list[Skipped]) -> Iterator[Header]:
    """Read all headers; what is not DICOM goes to `skipped`."""
    interned = Interned()
    for item in _items(source):
        if isinstance(item, Dataset):
            yield header_of(item, interned)
            continue
        for found in find([item], limits):
            header = read_header(found, interned)
            if header is None:
                skipped.append(Skipped(found.name, "not DICOM"))
            else:
                yield header


def _items(source: Source) -> Iterable[str | Path | Dataset]:
    items: Sequence[object] | Iterable[object]
    items = [source] if isinstance(source, str | Path | Dataset) else source
    if not isinstance(items, Iterable):
        raise UsageError(
            "USE-SOURCE", f"{type(source).__name__} is no source; wanted a path, paths or data sets"
        )
    for item in items:
        if not isinstance(item, str | Path | Dataset):
            raise UsageError(
                "USE-SOURCE", f"{type(item).__name__} among the sources; wanted paths or data sets"
            )
        yield item


def _instance(image: Image) -> SourceInstance:
    header, encoded = image
    return SourceInstance(
        name=header.name,
        reference=Reference(
            *map(header.text, ("SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID"))
        ),
        stored_values=encoded.decode,
        rescale=rescale_of(header),
        padding=padding_of(header, encoded.layout),
        stored_range=encoded.layout.stored_range,
        lossy=is_lossy(header),
        path=header.path,
    )
