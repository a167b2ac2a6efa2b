"""A result that became several series is verified as a whole: each of its series, and one verdict of all."""

from __future__ import annotations

import pytest

import derive
from derive.cli.main import main
from derive.operations import gaussian_blur, mean_over
from tests.helpers.asserting import raises_code
from tests.helpers.kinds import KINDS
from tests.helpers.verification import edit, pixels_of, save, verified


@pytest.fixture
def folders(tmp_path):
    """A CT in two times, and what was derived of it."""
    source = save(KINDS["CT in several times"].make(), tmp_path / "ct")
    derive.build(source, gaussian_blur(sigma_mm=1)).write(tmp_path / "out")
    return source, tmp_path / "out"


def change(dataset):
    stored = pixels_of(dataset)
    stored[5] += 3
    dataset.PixelData = stored.tobytes()


def test_every_series_of_ours_is_verified(folders):
    source, out = folders
    found = verified(out, source)
    assert found.same
    assert [v.verdict for v in found.series] == ["SAME", "SAME"]
    assert len({v.series_instance_uid for v in found.series}) == 2
    assert len(found.images) == 6
    assert str(found).endswith("SAME: all 2 series")
    (one,) = [v for v in found.series if v.series_instance_uid == found.series_instance_uid]
    assert verified(out, source, series=one.series_instance_uid).series == ()


def test_one_series_that_differs_is_named(folders):
    source, out = folders
    edit(next((out / "volume-02").glob("*.dcm")), change)
    found = verified(out, source)
    assert [v.verdict for v in found.series] == ["SAME", "DIFFERS"]
    assert found.verdict == "DIFFERS"
    assert found.series[1].series_instance_uid in found.reason
    assert main(["verify", str(out), "--sources", str(source), "-q"]) == 1


def test_what_others_wrote_asks_which_series(folders):
    source, out = folders
    with raises_code("SRC-SERIES"):
        derive.verify([out, source])


def test_a_volume_of_a_reduction_is_known_by_itself(tmp_path):
    source = save(KINDS["echoes at cardiac phases"].make(), tmp_path / "mr")
    derive.build(source, mean_over(along="TriggerTime"), series_per="volume").write(tmp_path / "out")
    assert verified(tmp_path / "out" / "volume-02", source).same


def test_values_of_several_series_are_compared(folders):
    source, out = folders
    found = derive.diff(source, out)
    assert found.same_grid
    assert found.values.voxels == 6 * 12 * 14
