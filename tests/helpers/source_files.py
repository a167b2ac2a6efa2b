"""Copies of real files, changed in one point, on the disk."""

from __future__ import annotations

import warnings
from functools import cache
from pathlib import Path

import numpy as np
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


def cropped_copies(paths, target, count=16, side=128):
    """Write the middle of a series of uncompressed images: every header, fewer slices, rows and columns.

    Files that are no larger are given as they are.
    """
    if len(paths) <= count and _longest_side(paths[0]) <= side:
        return list(paths)
    first = max(0, (len(paths) - count) // 2)
    return copied(paths[first : first + count], target, lambda dataset, index: _cropped(dataset, side))


def _longest_side(path):
    dataset = pydicom.dcmread(path, specific_tags=["Rows", "Columns"])
    return max(dataset.Rows, dataset.Columns)


def _cropped(dataset, side):
    top, left = (max(0, (size - side) // 2) for size in (dataset.Rows, dataset.Columns))
    values = dataset.pixel_array[top : top + side, left : left + side]
    down, right = dataset.PixelSpacing
    along, across = np.reshape(np.asarray(dataset.ImageOrientationPatient, float), (2, 3))
    corner = np.asarray(dataset.ImagePositionPatient, float) + left * right * along + top * down * across
    dataset.ImagePositionPatient = [pydicom.valuerep.format_number_as_ds(float(value)) for value in corner]
    dataset.Rows, dataset.Columns = values.shape
    dataset.PixelData = values.tobytes()
