"""Burned In Annotation says NO, and 113101 is claimed, only where a method or a person answers for the picture."""

from __future__ import annotations

import numpy as np
import pytest
from pydicom.dataset import Dataset

from derive.deidentification import dataset as deidentified
from derive.deidentification.pixels.box import Box
from derive.deidentification.pixels.plan import PixelPlan
from tests.helpers.asserting import raises_code
from tests.helpers.burned_in import KINDS, MR, RLE, US, dataset, drawn, samples_of

KIND = KINDS["MR"]


def ultrasound(**attributes) -> Dataset:
    item = Dataset()
    item.RegionLocationMinX0, item.RegionLocationMinY0 = 0, 10
    item.RegionLocationMaxX1, item.RegionLocationMaxY1 = 95, 63
    return dataset(KIND, drawn(KIND), SOPClassUID=US, Modality="US", SequenceOfUltrasoundRegions=[item], **attributes)


def codes(ds: Dataset) -> list[str]:
    return [item.CodeValue for item in ds.DeidentificationMethodCodeSequence]


ANSWERED = {
    "a box": {"blank": ("0,0,*,10",)},
    "regions": {"us_regions": "keep"},
    "the option alone": {"clean": ("pixels",)},
    "a person": {"burned_in": "vouched"},
}


@pytest.mark.parametrize("name", ANSWERED)
def test_what_somebody_answers_for_is_claimed(name):
    after = deidentified(ultrasound(BurnedInAnnotation="YES"), **ANSWERED[name])
    assert after.BurnedInAnnotation == "NO"
    assert codes(after) == ["113100", "113101"]
    blank = name != "a person"
    assert samples_of(after)[0, :10].any() != blank
    assert np.array_equal(samples_of(after)[0, 10:], samples_of(ultrasound())[0, 10:])


def test_what_goes_out_as_it_is_claims_nothing_and_says_what_it_said():
    after = deidentified(ultrasound(BurnedInAnnotation="YES"), burned_in="keep", clean=("pixels",), blank=(), ocr="off",
                         us_regions="")  # fmt: skip
    assert codes(after) == ["113100", "113101"], "the option alone keeps the regions"
    after = deidentified(ultrasound(BurnedInAnnotation="YES"), burned_in="keep", ocr="off")
    assert after.BurnedInAnnotation == "YES"
    assert codes(after) == ["113100"]


def test_images_without_risk_claim_nothing():
    after = deidentified(dataset(KIND, drawn(KIND), SOPClassUID=MR, Modality="MR"))
    assert "BurnedInAnnotation" not in after
    assert codes(after) == ["113100"]
    assert np.array_equal(samples_of(after), drawn(KIND))


def test_what_is_refused_and_what_is_left_out():
    with raises_code("DEID-BURNED-IN"):
        deidentified(ultrasound())
    with raises_code("DEID-SKIPPED"):
        deidentified(ultrasound(), burned_in="skip")


def test_an_object_that_was_cleaned_before_goes_as_it_is():
    before = deidentified(ultrasound(), us_regions="keep")
    after = deidentified(before)
    assert (after.BurnedInAnnotation, set(codes(after))) == ("NO", {"113100", "113101"})
    assert np.array_equal(samples_of(after), samples_of(before))


def test_compressed_frames_of_a_whole_object():
    kind = KINDS["cine in colour"]
    source = dataset(kind, drawn(kind), RLE)
    after = deidentified(source, blank=("0,0,*,12",))
    assert after.file_meta.TransferSyntaxUID == RLE
    assert not samples_of(after)[:, :12].any()
    assert np.array_equal(samples_of(after)[:, 12:], drawn(kind)[:, 12:])


@pytest.mark.parametrize("plan", [PixelPlan(boxes=(Box(0, 0, 1, 1),)), PixelPlan(ocr="blank")], ids=["box", "text"])
def test_the_option_adds_nothing_to_what_was_named(plan):
    assert plan.of_option() == plan
    assert PixelPlan().of_option() == PixelPlan(us_regions="keep")
