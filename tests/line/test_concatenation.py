"""A result that is too long for one file is a concatenation, and reads again as what it is."""

from __future__ import annotations

import numpy as np
import pytest

import derive
from derive.authoring import concatenation
from derive.operations import gaussian_blur
from tests.helpers.multi_frame import multi_frame
from tests.helpers.peers import dcentvfy_messages, dciodvfy_errors

BLUR = gaussian_blur(sigma_mm=1.0)
SLICES, SHAPE = 7, (12, 14)


@pytest.fixture(params=["CT", "MR", "PT"])
def source(request, tmp_path):
    folder = tmp_path / "source"
    folder.mkdir()
    multi_frame(request.param, slices=SLICES, shape=SHAPE).save_as(folder / "x.dcm", enforce_file_format=True)
    return folder


def test_a_result_in_parts_is_the_result_in_one(source, tmp_path, monkeypatch):
    whole = derive.build(source, BLUR).write(tmp_path / "whole")
    monkeypatch.setattr(concatenation, "MOST_BYTES", 3 * 2 * SHAPE[0] * SHAPE[1])
    done = []
    report = derive.build(source, BLUR).write(tmp_path / "parts", progress=lambda *told: done.append(told))
    assert [f.name for f in report.files] == ["IM00001-01.dcm", "IM00001-02.dcm", "IM00001-03.dcm"]
    assert done == [(1, 3), (2, 3), (3, 3)]
    assert [i.frames for i in report.instances] == [3, 3, 1]
    assert not report.findings
    one, several = (derive.read(folder) for folder in (tmp_path / "whole", tmp_path / "parts"))
    assert several.geometry == one.geometry
    stored = [[frame.stored_values() for frame in series.frames] for series in (one, several)]
    assert np.array_equal(*stored)
    assert not derive.check(report.files).findings
    assert not dciodvfy_errors(report.files) - dciodvfy_errors(whole.files)
    assert not dcentvfy_messages([*report.files, *source.iterdir()])


def test_parts_come_as_data_sets_too(source, monkeypatch):
    monkeypatch.setattr(concatenation, "MOST_BYTES", 1)
    found = list(derive.build(source, BLUR).instances())
    assert [d.NumberOfFrames for d in found] == [1] * SLICES
    assert {d.pixel_array.shape for d in found} == {SHAPE}
    assert {d.ConcatenationUID for d in found} == {found[0].ConcatenationUID}
