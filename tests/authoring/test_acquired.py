"""What was true of the acquisition stays as long as it can be true, and the scanner's scheduled step does not."""

from __future__ import annotations

import pydicom
import pytest
from pydicom.dataset import Dataset

import derive
from derive.operations import gaussian_blur, mip, resample
from tests.helpers.asserting import each
from tests.helpers.sources import AXIAL, OBLIQUE, make_series

ENCODED = {
    "NumberOfPhaseEncodingSteps": 192,
    "PercentSampling": 80,
    "PercentPhaseFieldOfView": 75,
    "PixelBandwidth": 130,
    "AcquisitionMatrix": [256, 0, 0, 192],
}
SCHEDULED = "ScheduledProcedureStepID", "ScheduledProcedureStepDescription", "ScheduledProtocolCodeSequence"


def first(folder, step, modality="MR", **changes):
    report = derive.build(derive.read(make_series(modality, **changes)), step).write(folder)
    assert not report.findings
    return pydicom.dcmread(report.files[0])


def on_grid(cosines):
    return resample(reference=derive.read(make_series("CT", count=4, cosines=cosines, spacing=(2.0, 1.7))))


@pytest.mark.parametrize(
    ("step", "kept"),
    [
        (gaussian_blur(sigma_mm=1.0), True),
        (resample(spacing_mm=2.0), True),
        (on_grid(AXIAL), True),
        (on_grid(OBLIQUE), False),
        (mip(), False),
        (mip(plane="coronal", slab_mm=6.0), False),
    ],
    ids=["same grid", "new spacing", "another grid in the plane", "another plane", "projection", "turned projection"],
)
def test_how_a_plane_was_encoded_stays_while_images_lie_in_such_planes(step, kept, tmp_path):
    made = first(tmp_path / "out", step, **ENCODED)
    for keyword, value in each(ENCODED.items(), len(ENCODED)):
        found = made.get(keyword)
        assert (None if found is None else list(found) if keyword == "AcquisitionMatrix" else found) == (
            value if kept else None
        )


def request(**said):
    item = Dataset()
    for keyword, value in said.items():
        setattr(item, keyword, value)
    return item


def protocol():
    return [request(CodeValue="P1", CodingSchemeDesignator="99X", CodeMeaning="a protocol")]


@pytest.mark.parametrize("modality", ["CT", "MR", "PT"])
def test_requests_stay_and_the_scheduled_step_of_the_scanner_goes(modality, tmp_path):
    scheduled = dict(zip(SCHEDULED, ("SPS1", "a step", protocol()), strict=True))
    two = [request(RequestedProcedureID="RP1", RequestedProcedureDescription="CT", **scheduled), request(**scheduled)]
    made = first(tmp_path / "out", gaussian_blur(sigma_mm=1.0), modality, RequestAttributesSequence=two)
    (item,) = made.RequestAttributesSequence
    assert (item.RequestedProcedureID, item.RequestedProcedureDescription) == ("RP1", "CT")
    assert not [k for k in SCHEDULED if k in item]


@pytest.mark.parametrize(
    "requests", [[request(**{SCHEDULED[0]: "SPS1"})], [], lambda k: [request(RequestedProcedureID=f"RP{k}")]]
)
def test_without_a_request_that_all_images_share_there_is_none(requests, tmp_path):
    made = first(tmp_path / "out", gaussian_blur(sigma_mm=1.0), RequestAttributesSequence=requests)
    assert "RequestAttributesSequence" not in made
