"""The check of multi-frame images: valid ones are clean, and one change makes the finding that names it."""

from __future__ import annotations

from typing import Any

import pytest
from pydicom.dataset import Dataset

from derive.checking import Finding, check
from derive.checking.finding import checks
from tests.helpers.frame_changes import ALSO_FRAME, FRAME_CHANGES, FrameChange
from tests.helpers.multi_frame import multi_frame

OBLIQUE = ((1.0, 0.0, 0.0), (0.0, 0.6, 0.8))
CORONAL = ((1.0, 0.0, 0.0), (0.0, 0.0, -1.0))
#: What a multi-frame image can be like.
VALID: list[dict[str, Any]] = [
    *({"modality": m, "legacy": legacy} for m in ("CT", "MR", "PT") for legacy in (False, True)),
    {"modality": "MR", "along": {"DiffusionBValue": (0, (1000, (1, 0, 0)), (1000, (0, 1, 0)))}},
    {"modality": "MR", "along": {"EffectiveEchoTime": (10, 20)}, "shuffled": 3},
    {"modality": "MR", "along": {"private": (1, 2)}, "private": True},
    {"modality": "CT", "orientations": (OBLIQUE, CORONAL)},
    {"modality": "CT", "orientations": (OBLIQUE, CORONAL), "one_stack_id": True},
    {"modality": "PT", "slope": lambda spot: 1.0 + spot.slice},
    {"modality": "CT", "shared": False},
]


def checked(dataset: Dataset, tmp_path) -> tuple[Finding, ...]:
    path = tmp_path / "frames.dcm"
    dataset.save_as(path, enforce_file_format=True)
    return check(path).findings


@pytest.mark.parametrize("form", VALID, ids=lambda form: " ".join(map(str, form)))
def test_a_valid_image_of_many_frames_is_clean(form, tmp_path):
    assert checked(multi_frame(**form), tmp_path) == ()


@pytest.mark.parametrize(
    ("expected", "form", "change"), FRAME_CHANGES, ids=[f"{c}-{i}" for i, (c, *_) in enumerate(FRAME_CHANGES)]
)
def test_a_change_of_frames_is_found(expected: str, form: dict[str, Any], change: FrameChange, tmp_path):
    dataset = multi_frame(**form)
    change(dataset)
    found = checked(dataset, tmp_path)
    codes = {f.code for f in found}
    assert expected in codes
    assert codes <= {expected, *ALSO_FRAME.get(expected, ())}
    assert {f.severity for f in found if f.code == expected} == {checks()[expected].severity}


def test_what_many_frames_have_is_told_once(tmp_path):
    dataset = multi_frame("CT", slices=9)
    for item in dataset.PerFrameFunctionalGroupsSequence[3:]:
        item.FrameContentSequence[0].StackID = ""
    (found,) = checked(dataset, tmp_path)
    assert found.path == "PerFrameFunctionalGroupsSequence>item 4>FrameContentSequence>item 1>StackID"
    assert found.message.endswith("the same in 6 of 9 frames")
