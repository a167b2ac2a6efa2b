"""Instances that are too long become several, which say of each other that they are one; each is valid by itself."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pydicom
import pytest

from derive.authoring import concatenation
from derive.authoring.concatenation import parts_of
from derive.authoring.order import AuthoredInstance, Frame
from derive.elements.datasets import from_dataset, to_dataset
from derive.model.reference import FrameRef
from derive.model.uids import RandomUids, ReproducibleUids
from derive.pixels.encode import as_they_are
from derive.pixels.spool import Spool
from derive.writing.part10 import file_meta
from tests.helpers.asserting import every
from tests.helpers.multi_frame import frames_items, multi_frame
from tests.helpers.peers import dciodvfy_errors

FRAMES, SHAPE = 7, (12, 14)
FRAME_BYTES = 2 * 12 * 14


@pytest.fixture(scope="module", params=["CT", "MR", "PT"])
def dataset(request):
    return multi_frame(request.param, slices=FRAMES, shape=SHAPE)


def made_of(dataset):
    spool, frames = Spool(), []
    for k, stored in enumerate(dataset.pixel_array):
        spool.add(stored)
        encoded = replace(as_they_are(stored), error=0.1 * k, saturated=k)
        frames.append(Frame(k, 3, (FrameRef(0, k),), encoded, k))
    whole = replace(frames[0], contributors=tuple(FrameRef(0, k) for k in range(FRAMES)), frames=tuple(frames))
    return AuthoredInstance(whole, from_dataset(dataset), spool.close())


def datasets_of(parts):
    found = [to_dataset(part.whole.values()) for part in parts]
    for part in found:
        part.file_meta = file_meta(part)
    return found


@pytest.mark.parametrize("most", [FRAME_BYTES * FRAMES, None])
def test_what_is_not_too_long_stays_as_it_is(dataset, most):
    made = made_of(dataset)
    (part,) = parts_of(made, RandomUids(), most)
    assert part is made


@pytest.mark.parametrize(
    ("most", "counts"), [(3 * FRAME_BYTES + 5, [3, 3, 1]), (10, [1] * 7), (6 * FRAME_BYTES, [6, 1])]
)
def test_parts_are_the_whole(dataset, most, counts):
    made = made_of(dataset)
    parts = list(parts_of(made, RandomUids(), most))
    found = datasets_of(parts)
    assert [d.NumberOfFrames for d in found] == counts == [len(p.frame.frames) for p in parts]
    assert b"".join(d.PixelData for d in found) == dataset.PixelData
    assert [i for d in found for i in frames_items(d)] == frames_items(dataset)
    assert [d.InConcatenationNumber for d in found] == [*range(1, len(counts) + 1)]
    assert {d.InConcatenationTotalNumber for d in found} == {len(counts)}
    assert [d.ConcatenationFrameOffsetNumber for d in found] == [sum(counts[:k]) for k in range(len(counts))]
    assert {d.SOPInstanceUIDOfConcatenationSource for d in found} == {dataset.SOPInstanceUID}
    uids = {d.SOPInstanceUID for d in found}
    assert len(uids) == len(counts)
    assert not {dataset.SOPInstanceUID, *(d.ConcatenationUID for d in found)} & uids
    assert len({d.ConcatenationUID for d in found}) == 1
    same = {e.tag for e in dataset} - {0x00080018, 0x00280008, 0x52009230, 0x7FE00010}
    assert len(same) > 30
    assert every(d[tag] == dataset[tag] for d in found for tag in same)
    assert sum(p.frame.encoded.saturated for p in parts) == sum(range(FRAMES))
    assert [ref for p in parts for ref in p.frame.contributors] == [*made.frame.contributors]


def test_each_part_is_valid(dataset, tmp_path):
    dataset.save_as(tmp_path / "whole.dcm", enforce_file_format=True)
    before = dciodvfy_errors([tmp_path / "whole.dcm"])
    for part in datasets_of(parts_of(made_of(dataset), RandomUids(), 3 * FRAME_BYTES)):
        part.save_as(tmp_path / "part.dcm", enforce_file_format=True)
        assert set(dciodvfy_errors([tmp_path / "part.dcm"])) <= set(before)
        assert pydicom.dcmread(tmp_path / "part.dcm").pixel_array.size


def test_reproducible_parts_have_the_same_uids_again(dataset):
    uids = ReproducibleUids(("facts",))
    again = [[d.SOPInstanceUID for d in datasets_of(parts_of(made_of(dataset), uids, 999))] for _ in range(2)]
    assert again[0] == again[1]
    assert len(again[0]) == 4


def test_bits_end_on_a_byte():
    assert [concatenation._frames_within(most, 35) for most in (1, 100, 1000)] == [8, 16, 224]
    assert concatenation._frames_within(1000, 800) == 10
    assert np.iinfo(np.int32).max > concatenation.MOST_BYTES
