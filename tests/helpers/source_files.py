"""Copies of real files, changed in one point, on the disk."""

from __future__ import annotations

import warnings
from functools import cache
from pathlib import Path

import pydicom


def save(dataset, path, **options):
    """Write a data set that may be as odd as real ones are."""
    with warnings.catch_warnings(action="ignore"):
        str(dataset)  # decodes every element, so that numbers can be written in the other byte order
        pydicom.dcmwrite(path, dataset, force_encoding=bool(options), **options)


@cache
def in_order(folder):
    """Files of one series, by position along z."""
    files = [p for p in Path(folder).iterdir() if p.is_file()]
    return sorted(files, key=lambda p: pydicom.dcmread(p, stop_before_pixels=True).ImagePositionPatient[2])


def copied(sources, target, change=None):
    """Write copies of files into a folder; `change(dataset, index)` may alter each."""
    target.mkdir(parents=True, exist_ok=True)
    written = []
    for index, source in enumerate(sources):
        dataset = pydicom.dcmread(source)
        if change is not None:
            change(dataset, index)
        written.append(target / f"{index:03d}.dcm")
        save(dataset, written[-1])
    return written


def resized(dataset, rows, columns):
    """Crop the pixels of a native 16-bit data set."""
    values = dataset.pixel_array[:rows, :columns]
    dataset.Rows, dataset.Columns = values.shape
    dataset.PixelData = values.tobytes()
