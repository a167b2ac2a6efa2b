"""Images that lie in no patient become no file of a volume."""

from __future__ import annotations

import pytest

import derive
from derive.errors import GeometryError
from derive.inspection import inspect
from tests.helpers.asserting import raises_code
from tests.helpers.projections import make_projection


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".nrrd", ".mha", ".mhd", ".npy"])
@pytest.mark.parametrize("kind", ["CR", "DX", "US cine"])
def test_no_place_is_invented_for_them(kind, suffix, tmp_path):
    series = derive.read([make_projection(kind)])
    with raises_code("GEO-UNPLACED", GeometryError):
        derive.export(series, tmp_path / f"volume{suffix}")
    assert list(tmp_path.iterdir()) == []


def test_inspect_says_it_beforehand(tmp_path):
    make_projection("CR").save_as(tmp_path / "cr.dcm", enforce_file_format=True)
    (stack,) = inspect(tmp_path).stacks
    assert stack.operations["export"].code == "GEO-UNPLACED"
