"""Multi-frame results as tests look at them: what each frame says, and whether others accept the whole."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pydicom
from pydicom.datadict import keyword_for_tag
from pydicom.dataset import Dataset

from tests.helpers.peers import dcentvfy_messages, dciodvfy_errors


def saved(folder: Path, *datasets: Dataset) -> Path:
    """Write sources into a new folder."""
    folder.mkdir()
    for number, dataset in enumerate(datasets):
        dataset.save_as(folder / f"source{number}.dcm", enforce_file_format=True)
    return folder


def written(folder: Path) -> list[Dataset]:
    """The instances of a result, in the order of their numbers."""
    return [pydicom.dcmread(path) for path in sorted(folder.glob("*.dcm"))]


def groups_of(dataset: Dataset) -> Iterator[Dataset]:
    """Give the macros of each frame; that none is both shared and a frame's own is asserted."""
    (shared,) = dataset.SharedFunctionalGroupsSequence
    assert len(dataset.PerFrameFunctionalGroupsSequence) == dataset.NumberOfFrames
    for own in dataset.PerFrameFunctionalGroupsSequence:
        assert not shared.keys() & own.keys()
        found = Dataset()
        found.update(shared)
        found.update(own)
        yield found


def pointers_of(dataset: Dataset) -> list[str]:
    """Keywords of the attributes that tell frames apart."""
    return [keyword_for_tag(i.DimensionIndexPointer) for i in dataset.DimensionIndexSequence]


def indices_of(dataset: Dataset) -> list[tuple[int, ...]]:
    """Dimension Index Values of each frame."""
    said = (g.FrameContentSequence[0].DimensionIndexValues for g in groups_of(dataset))
    return [tuple(v) if isinstance(v, list) or hasattr(v, "__iter__") else (v,) for v in said]


def assert_accepted(source: Path, result: Path) -> None:
    """Validators find nothing in the result that is not in the source, and nothing between the two."""
    sources = sorted(p for p in (source.rglob("*") if source.is_dir() else [source]) if p.is_file())
    results = sorted(result.glob("*.dcm"))
    assert not dciodvfy_errors(results).keys() - dciodvfy_errors(sources).keys()
    assert not dcentvfy_messages([*sources, *results]) - dcentvfy_messages(sources)
