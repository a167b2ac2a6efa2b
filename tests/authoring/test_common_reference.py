"""Common Instance Reference: every image of the study that an instance refers to, by series (PS3.3 C.12.2)."""

from __future__ import annotations

import pydicom
import pytest

import derive
from derive.operations import gaussian_blur, mip
from tests.helpers.asserting import each, every
from tests.helpers.instances import item
from tests.helpers.sources import make_series

IMAGES = ("SourceImageSequence", "ReferencedImageSequence")
SCOUT = {
    "SOPInstanceUID": "1.2.3.55.1",
    "SeriesInstanceUID": "1.2.3.55",
    "ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"],
}


def scan():
    """A CT of which every image refers to a scout of another series."""
    scout = item(ReferencedSOPClassUID=make_series("CT", 1)[0].SOPClassUID, ReferencedSOPInstanceUID="1.2.3.55.1")
    return make_series("CT", 4, ReferencedImageSequence=[scout])


def scout(**changes):
    return make_series("CT", 1, **SCOUT, **changes)


def referenced(image) -> set[str]:
    return {i.ReferencedSOPInstanceUID for keyword in IMAGES for i in image.get(keyword, ())}


def named(image) -> dict[str, set[str]]:
    return {
        s.SeriesInstanceUID: {i.ReferencedSOPInstanceUID for i in s.ReferencedInstanceSequence}
        for s in image.ReferencedSeriesSequence
    }


def written(source, step, folder) -> list[pydicom.Dataset]:
    derive.build(source, step).write(folder)
    return each(pydicom.dcmread(path) for path in sorted(folder.iterdir()))


@pytest.mark.parametrize("step", [gaussian_blur(sigma_mm=2), mip()], ids=str)
def test_a_localizer_beside_the_series_is_named_with_its_own(step, tmp_path):
    source = derive.read([*scan(), *scout()], series=scan()[0].SeriesInstanceUID)
    for image in written(source, step, tmp_path / "out"):
        assert named(image)["1.2.3.55"] == {"1.2.3.55.1"}
        assert referenced(image) == set().union(*named(image).values())
    assert derive.check(tmp_path / "out").findings == ()
    again = written(tmp_path / "out", gaussian_blur(sigma_mm=(1, 1, 0)), tmp_path / "again")
    assert every(named(image)["1.2.3.55"] == {"1.2.3.55.1"} for image in again)  # from the source, which names it


def test_a_localizer_of_which_nobody_knows_the_series_is_kept_and_found_by_the_check(tmp_path):
    for image in written(derive.read(scan()), mip(), tmp_path / "out"):
        assert image.ReferencedImageSequence[0].ReferencedSOPInstanceUID == "1.2.3.55.1"
        assert "1.2.3.55.1" not in set().union(*named(image).values())
    (finding,) = derive.check(tmp_path / "out").findings
    assert (finding.code, finding.severity) == ("CHK-COMMONREF", "warning")


def test_a_localizer_of_another_study_is_not_said_to_be_of_this_one(tmp_path):
    source = derive.read([*scan(), *scout(StudyInstanceUID="1.2.3.66")], series=scan()[0].SeriesInstanceUID)
    for image in written(source, mip(), tmp_path / "out"):
        assert "1.2.3.55" not in named(image)


def test_a_predecessor_is_listed_where_its_series_is_known(tmp_path):
    derive.build(derive.read(scan()), gaussian_blur(sigma_mm=(1, 1, 0))).write(tmp_path / "first")
    for image in written(tmp_path / "first", gaussian_blur(sigma_mm=(1, 1, 0)), tmp_path / "second"):
        assert len(image.SourceImageSequence) == 2  # that of the first, and its own
        assert {i.ReferencedSOPInstanceUID for i in image.SourceImageSequence} <= set().union(*named(image).values())
