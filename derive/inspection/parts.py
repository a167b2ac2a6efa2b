"""The stacks of one series as :func:`derive.read` tells them apart, and the volumes of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from derive.elements.element import tag_of
from derive.errors import DeriveError
from derive.inspection.verdicts import Verdict, read_verdict
from derive.model.dimension import Dimension, dimensions_told
from derive.model.source import SourceSeries
from derive.reading.choice import Choice
from derive.reading.frames import frames_of
from derive.reading.header import Header
from derive.reading.stacks import stacks_of
from derive.told.secrecy import shown_code_strings
from derive.told.wording import counted, flag

_FRAMES = tag_of("NumberOfFrames")


@dataclass(frozen=True)
class SeriesPart:
    """One stack of a series: what lies one way, on one grid, and is one quantity.

    Parameters
    ----------
    number : int
        As ``--stack`` counts them.
    name : str
        What tells it from the others; empty where there is one.
    frames : int
    volumes, slices : int, optional
        How many volumes it has, and how many slices each; None where derive does not read it.
    dimensions : tuple of Dimension
        What tells the volumes apart.
    reads : Verdict
        What :func:`derive.read` says to it alone.
    choose : str
        The flag that chooses it among several.
    uneven : str
        Why its slices are no even stack.
    """

    number: int
    name: str
    frames: int
    volumes: int | None
    slices: int | None
    dimensions: tuple[Dimension, ...]
    reads: Verdict
    choose: str = ""
    uneven: str = ""

    def __str__(self) -> str:
        """Return the volumes in words."""
        if self.volumes is None or self.slices is None:
            return f"{counted(self.frames, 'image')}; {self.reads.code}: {self.reads.message}"
        volumes = f"{counted(self.volumes, 'volume')} of {counted(self.slices, 'slice')}"
        by = f" by {dimensions_told(self.dimensions)}" if self.dimensions else ""
        return f"{volumes}{by}{self.uneven and f'; {self.uneven}'}"

    def to_json(self) -> dict[str, Any]:
        """Return everything, for programs; of texts those that are code strings."""
        return asdict(self) | {"dimensions": [_facts(d) for d in self.dimensions]}


def _facts(dimension: Dimension) -> dict[str, Any]:
    values = [shown_code_strings(v) if isinstance(v, str) else v for v in dimension.values]
    return {"keyword": dimension.keyword, "values": values, "units": dimension.units}


def parts_of(
    headers: Sequence[Header], source: SourceSeries | None, reads: Verdict, assume: Mapping[str, str]
) -> tuple[SeriesPart, ...]:
    """Return the stacks of a series; none where nobody can tell where its images lie.

    Parameters
    ----------
    headers : sequence of Header
        Of one series.
    source : SourceSeries, optional
        The series, where it is one stack that derive reads.
    reads : Verdict
        What was said to it.
    assume : mapping keyword -> value
        What a person says of the files.
    """
    if source is not None:
        return (_part(1, "", len(source.frames), source, reads),)
    try:
        stacks = stacks_of([frame for header in headers for frame in frames_of(header)])
    except DeriveError:
        return ()
    if len(stacks) == 1:
        return ()
    made = []
    for number, stack in enumerate(stacks, 1):
        series, verdict = read_verdict(headers, assume, Choice(stack=number))
        part = _part(number, stack.name, len(stack.headers), series, verdict)
        made.append(replace(part, choose=flag("stack", str(number))))
    return tuple(made)


def _part(number: int, name: str, frames: int, source: SourceSeries | None, reads: Verdict) -> SeriesPart:
    if source is None:
        return SeriesPart(number, name, frames, None, None, (), reads)
    slices = source.geometry.shape[0]
    uneven = f"{source.uneven.code}: {source.uneven.message}" if source.uneven else ""
    return SeriesPart(number, name, frames, frames // slices, slices, source.dimensions, reads, uneven=uneven)


def described(headers: Sequence[Header]) -> list[Header]:
    """Return what is described of a series, asked leniently: frames of multi-frame instances, each as an image."""
    return [frame for header in headers for frame in _frames(header)]


def _frames(header: Header) -> list[Header]:
    try:
        frames = frames_of(header)
    except DeriveError:
        return [header.lenient]
    if len(frames) == 1 and frames[0] is header:
        return [header.lenient]
    return [replace(f, strict=False, elements={t: e for t, e in f.elements.items() if t != _FRAMES}) for f in frames]
