"""Images in colours, damaged in every way: refused by name, or each frame is red, green and blue and goes through."""

from __future__ import annotations

import random
import shutil
from functools import cache
from io import BytesIO
from pathlib import Path

import numpy as np
import pydicom

import derive
from derive.operations import crop
from tests.fuzz.test_dicom import MUTATIONS
from tests.helpers.coloured import EXACT, LOSSY, make_coloured, picture_of, region, regions
from tests.helpers.fuzzing import faults, refused, seeds

COUNT = 120


@cache
def bodies():
    """Pictures and cines as bytes, before they are damaged."""
    made = []
    for stored_as in (*EXACT, *LOSSY):
        dataset = make_coloured(picture=picture_of(1, (32, 34)), stored_as=stored_as, **regions(region()))
        written = BytesIO()
        pydicom.dcmwrite(written, dataset, enforce_file_format=True)
        made.append(written.getvalue())
    return made


def colours_judge(seed: int, folder: Path) -> str:
    """What is wrong with how a damaged picture is read, and cut."""
    rng = random.Random(seed)
    content = rng.choice(bodies())
    for _ in range(rng.choice([1, 1, 1, 2, 4])):
        content = rng.choice(MUTATIONS)(content, rng) or b"\0"
    source = folder / "in"
    source.mkdir()
    try:
        (source / "a.dcm").write_bytes(content)
        series = derive.read(source)
        if not series.frames[0].colour:
            return ""
        cut = derive.build(series, crop(from_voxel=(0, 0, 0), to_voxel=(3, 2, 0))).frames
        found, whole = cut.slab(0, cut.count), series.colours.slab(0, series.colours.count)
    except Exception as error:
        return refused(error)
    finally:
        shutil.rmtree(source)
    fits = found.dtype == np.uint8 and np.array_equal(found, whole[:, :3, :4])
    return "" if fits else "colours that are none, and no word of it"


def test_colours_are_read_or_refused(tmp_path):
    assert faults(colours_judge, seeds(COUNT), tmp_path) == {}
