"""Small pictures of sources and results, for a page that somebody asked to have them in: they show patients."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import NamedTuple

from derive.display.compose import Wishes, page_of
from derive.display.draw import png_of
from derive.display.layout import SMALL
from derive.display.sight import sight_of
from derive.errors import SourceError
from derive.many.index import TreeIndex
from derive.many.outcome import Ending, Outcome
from derive.many.report import read_report
from derive.many.run import INDEX
from derive.many.tasks import STATE
from derive.reading.read import read

#: Slices that are decoded for the planes across them, at most.
_MOST_SLICES = 31


class Thumbnails(NamedTuple):
    """Middle planes of a source and of what became of it, as PNG; empty where they cannot be drawn."""

    outcome: Outcome
    source: bytes
    result: bytes


def thumbnails_of(report: Path, output: Path, most: int) -> Iterator[Thumbnails]:
    """Give pictures of the first results of a report, and of their sources where these still are where they were.

    Parameters
    ----------
    report : Path
    output : Path
        The folder of the results.
    most : int

    Raises
    ------
    SourceError
        ``SRC-MISSING`` for a folder that holds no index.
    """
    index_file = output / STATE / INDEX
    if not index_file.is_file():
        raise SourceError("SRC-MISSING", f"{output.name} is no output of derive batch: it has no {STATE}/{INDEX}")
    shown = 0
    with TreeIndex(index_file) as index, closing(read_report(report)) as lines:
        for line in lines:
            outcome = Outcome.from_json(line["outcome"]) if "outcome" in line else None
            if outcome is None or outcome.ending is not Ending.DONE or not outcome.folder or shown >= most:
                continue
            shown += 1
            paths = index.files(outcome.series_instance_uid).paths
            yield Thumbnails(outcome, _drawn(list(paths)), _drawn([str(output / outcome.folder)]))


def _drawn(paths: list[str]) -> bytes:
    with suppress(Exception):  # a page is never lost for a picture: a source is gone, several volumes, anything
        return png_of(page_of(sight_of(read(paths)), Wishes(most_slices=_MOST_SLICES)), SMALL)
    return b""
