"""The frames of a CT series in one Enhanced CT instance, with groups as long as a scanner's."""

from __future__ import annotations

from itertools import cycle, islice
from pathlib import Path

import pydicom
from pydicom.dataset import Dataset

from derive.elements.encoding import element_head
from tests.benchmarks.series import COLUMNS, PRIVATE_ELEMENTS, ROWS, SLICE_SPACING_MM, SPACING_MM
from tests.helpers.multi_frame import frames_items, multi_frame

_PIXEL_DATA = 0x7FE00010
_CREATOR = "DERIVE BENCHMARK"


def make_enhanced(path: Path, series: Path, frames: int) -> Path:
    """Write the pixels of a series, in turn, as one instance; what is there already is kept."""
    if path.exists():
        return path
    files = sorted(series.iterdir())
    dataset = header(frames)
    part = path.with_suffix(".part")
    dataset.save_as(part, enforce_file_format=True)
    with part.open("ab") as stream:
        stream.write(element_head(_PIXEL_DATA, "OW", frames * ROWS * COLUMNS * 2))
        for file in islice(cycle(files), frames):
            stream.write(pydicom.dcmread(file).PixelData)
    return part.rename(path)


def header(frames: int) -> Dataset:
    """All that stands before Pixel Data: in each frame as many private attributes as scanners write."""
    spacing = {"spacing": (SPACING_MM, SPACING_MM), "step": SLICE_SPACING_MM}
    dataset = multi_frame("CT", slices=frames, shape=(2, 2), private=True, **spacing)
    dataset.Rows, dataset.Columns = ROWS, COLUMNS
    dataset.PixelRepresentation = 1
    del dataset.PixelData
    for number, groups in enumerate(frames_items(dataset)):
        block = groups.private_block(0x0021, _CREATOR, create=True)
        for element in range(PRIVATE_ELEMENTS):
            block.add_new(element, "LO", f"value {element} of frame {number % 7}")
    return dataset
