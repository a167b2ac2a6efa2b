"""Multi-frame images, damaged in every way: refused by name, or every frame is read as pydicom reads it."""

from __future__ import annotations

import random
import shutil
import warnings
from functools import cache
from pathlib import Path

import numpy as np
import pydicom

import derive
from tests.fuzz.test_dicom import DEFLATED, EXPLICIT, IMPLICIT, MUTATIONS, _described, body
from tests.helpers.encodings import part10
from tests.helpers.fuzzing import faults, refused, seeds
from tests.helpers.multi_frame import multi_frame

COUNT = 300


@cache
def bodies():
    """Multi-frame images as bytes, before they are damaged."""
    forms = [
        {"modality": "CT"},
        {"modality": "MR", "private": True},
        {"modality": "PT", "slope": lambda spot: 1 + spot.slice},
        {"modality": "CT", "legacy": True, "shared": False},
    ]
    made = []
    for form in forms:
        for syntax in (EXPLICIT, IMPLICIT, DEFLATED):
            dataset = multi_frame(**form, slices=3, shape=(4, 6))
            made.append(part10(syntax, body(dataset, syntax)))
    return made


def frames_judge(seed: int, folder: Path) -> str:
    """What is wrong with how a damaged multi-frame image is read."""
    rng = random.Random(seed)
    content = rng.choice(bodies())
    for _ in range(rng.choice([1, 1, 1, 2, 4])):
        content = rng.choice(MUTATIONS)(content, rng) or b"\0"
    source = folder / "in"
    source.mkdir()
    try:
        (source / "a.dcm").write_bytes(content)
        return _read(source / "a.dcm") or (_described(source) if seed % 4 == 0 else "")
    finally:
        shutil.rmtree(source)


def _read(path):
    try:
        series = derive.read(path)
        values = {frame.number: frame.stored_values() for frame in series.frames}
    except Exception as error:
        return refused(error)
    if series.remarks:
        return ""
    with warnings.catch_warnings(action="ignore"):
        try:
            dataset = pydicom.dcmread(path, force=True)
            expected = dataset.pixel_array.reshape(len(values), dataset.Rows, dataset.Columns)
            places = [
                [float(v) for v in _said(dataset, k, "PlanePosition").ImagePositionPatient] for k in range(len(values))
            ]
            slopes = [float(_said(dataset, k, "PixelValueTransformation").RescaleSlope) for k in range(len(values))]
        except Exception:
            return ""
    for frame in series.frames:
        if not np.array_equal(values[frame.number], expected[frame.number - 1]):
            return "other values than pydicom reads, and no word of it"
        if (
            not np.allclose(frame.plane.position, places[frame.number - 1])
            or frame.rescale[0] != slopes[frame.number - 1]
        ):
            return "another place or slope than pydicom reads, and no word of it"
    return ""


def _said(dataset, index, macro):
    own, shared = dataset.PerFrameFunctionalGroupsSequence[index], dataset.SharedFunctionalGroupsSequence[0]
    return (own if f"{macro}Sequence" in own else shared)[f"{macro}Sequence"].value[0]


def test_frames_are_read_right_or_refused(tmp_path):
    assert faults(frames_judge, seeds(COUNT), tmp_path) == {}
