"""A long series costs the memory of a few slices."""

from __future__ import annotations

import shutil
import sys

import pydicom
import pytest

from tests.benchmarks.__main__ import RECIPES
from tests.benchmarks.frames import make_enhanced
from tests.benchmarks.measure import Command
from tests.benchmarks.series import make_series

SLICES = 600
#: All slices are 315 MB as they are stored, and 630 MB as real numbers.
BOUND_MB = 300


@pytest.fixture(scope="module")
def series(tmp_path_factory):
    folder = make_series(tmp_path_factory.mktemp("long") / "ct", SLICES)
    yield folder
    shutil.rmtree(folder.parent)


@pytest.mark.skipif(sys.platform == "win32", reason="peak memory is asked of a POSIX system")
def test_600_slices_are_blurred_in_bounded_memory(series, tmp_path):
    blur = ["gaussian-blur", str(series), "-o", str(tmp_path / "out"), "--sigma-mm", "1", "-q"]
    assert Command([sys.executable, "-m", "derive", *blur]).run(series.parent).peak_mb < BOUND_MB
    assert len(list((tmp_path / "out").iterdir())) == SLICES


@pytest.mark.skipif(sys.platform == "win32", reason="peak memory is asked of a POSIX system")
def test_600_frames_of_one_instance_are_blurred_in_bounded_memory(series, tmp_path):
    one, out = make_enhanced(series.parent / "enhanced.dcm", series, SLICES), tmp_path / "out"
    blur = ["gaussian-blur", str(one), "-o", str(out), "--sigma-mm", "1", "-q"]
    assert Command([sys.executable, "-m", "derive", *blur]).run(series.parent).peak_mb < BOUND_MB
    (made,) = out.iterdir()
    assert pydicom.dcmread(made, stop_before_pixels=True).NumberOfFrames == SLICES
    assert made.stat().st_size > SLICES * 512 * 512 * 2


@pytest.mark.parametrize("job", ["blur", "resample", "mip"])
def test_both_sides_of_the_benchmark_do_the_same_job(job, tmp_path):
    """What the recipes of the other side make is what the command line makes, to a value or two at a border."""
    import SimpleITK as sitk  # noqa: N813 - its customary name

    flags = {"blur": ["gaussian-blur", "--sigma-mm", "1"], "resample": ["resample", "--spacing-mm", "1"]}
    name, *rest = flags.get(job, ["mip", "--slab-mm", "10", "--step-mm", "1"])
    source = make_series(tmp_path / "ct", 24)
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    Command([sys.executable, "-m", "derive", name, str(source), "-o", str(ours), "-q", *rest]).run(tmp_path)
    Command([sys.executable, str(RECIPES), job, str(source), str(theirs)]).run(tmp_path)
    images = []
    for folder in (ours, theirs):
        reader = sitk.ImageSeriesReader()
        reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
        images.append(reader.Execute())
    one, other = images
    assert one.GetSize() == other.GetSize()
    assert one.GetSpacing() == pytest.approx(other.GetSpacing(), abs=1e-6)
    middle = [n // 2 for n in one.GetSize()]
    place = one.TransformIndexToPhysicalPoint(middle)
    assert abs(one[middle] - other[other.TransformPhysicalPointToIndex(place)]) <= 60  # noise of 12 HU, half a voxel
