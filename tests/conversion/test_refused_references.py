"""References that do not go with what is converted."""

from __future__ import annotations

import pytest

import derive
from tests.helpers.convert_files import (
    MIRROR,
    affine_of,
    hu,
    nifti,
    read_reference,
)
from tests.helpers.convert_files import written as converted
from tests.helpers.refused_conversions import MARKED, SHAPE, refused


def test_a_volume_elsewhere_than_its_reference_is_refused(tmp_path, place, reference):
    """RAS written as if it were LPS: the mistake that everybody makes once."""
    path = nifti(tmp_path / "v.nii", hu(SHAPE), MIRROR @ affine_of(reference))
    error = refused("GEO-OVERLAP", place, path, reference=reference)
    assert error.facts["share"] == 0
    assert "signs of x and y" in error.message
    converted(nifti(tmp_path / "w.nii", hu(SHAPE), affine_of(reference)), place / "out", reference=reference)


@pytest.mark.parametrize(("moved", "share"), [(1, 5 / 6), (3, 1 / 2), (4, 1 / 3)])
def test_as_much_of_it_has_to_lie_in_the_reference_as_the_caller_says_or_half(moved, share, tmp_path, place, reference):
    affine = affine_of(reference)
    affine[2, 3] += 2.0 * moved
    path = nifti(tmp_path / "v.nii", hu(SHAPE), affine)
    error = refused("GEO-OVERLAP", place, path, reference=reference, require_overlap=share + 0.02)
    assert error.facts["share"] == pytest.approx(share, abs=0.02)
    if share < 0.5:
        refused("GEO-OVERLAP", place, path, reference=reference)
    report = derive.convert(path, reference=reference, require_overlap=share - 0.02).write(place / "out")
    # slices that no image is behind are told of
    assert [(f.code, f.severity) for f in report.findings] == [("CHK-SOURCES", "warning")] * moved


TOGETHER = {
    "a patient": ("GIV-REFERENCE", {"patient": MARKED}),
    "a study": ("GIV-REFERENCE", {"study": derive.Study(description="x")}),
    "original": ("OPT-ORIGINAL", {"original": True}),
    "a character set": ("SET-CHARSET", {"character_set": "ISO_IR 192"}),
    "the name of a patient": ("SET-FORBIDDEN", {"set": {"PatientName": "Secret^Person"}}),
    "a study date": ("SET-FORBIDDEN", {"set": {"StudyDate": "20260101"}}),
}


@pytest.mark.parametrize("name", TOGETHER)
def test_a_reference_says_whose_it_is_and_nobody_else(name, tmp_path, place, reference):
    code, options = TOGETHER[name]
    path = nifti(tmp_path / "v.nii", hu(SHAPE), affine_of(reference))
    refused(code, place, path, reference=reference, **options)


def test_pet_with_a_pet_reference_still_needs_its_units(tmp_path, place):
    reference = read_reference("PT")
    path = nifti(tmp_path / "v.nii", hu(SHAPE), affine_of(reference))
    assert "BQML" in refused("VAL-UNITS", place, path, reference=reference).message
