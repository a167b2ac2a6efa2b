"""What frames a derivation makes, in the four values of multi-frame images (PS3.3 C.8.16.1, C.8.16.2.1)."""

from __future__ import annotations

import csv

import pytest

import codes
from codes import Code
from derive import standard
from derive.model import contrast
from derive.model.contrast import FrameKind, kind_of, together
from derive.model.derivation import Derivation, Step, ValuesEffect
from tests.helpers.asserting import each

ENHANCED_CT = "enhanced-ct-image"
ORIGINAL = FrameKind(("ORIGINAL", "PRIMARY", "AXIAL", "NONE"), "VOLUME", "NONE")


def step(keyword: str, effect: ValuesEffect = ValuesEffect.KEEPS_QUANTITY) -> Step:
    code = Code("X", "99X", "x", "x") if keyword == "own" else codes.context_group(7203).find(keyword)
    return Step(keyword, code, "", values_effect=effect)


def derivation(*keywords: str) -> Derivation:
    return Derivation(tuple(map(step, keywords)))


@pytest.mark.parametrize(
    ("keywords", "fourth", "technique", "properties"),
    [
        (("GaussianBlur",), "FILTERED", "NONE", "VOLUME"),
        (("SpatialResampling",), "RESAMPLED", "NONE", "VOLUME"),
        (("MultiplanarReformatting",), "RESAMPLED", "MPR", "VOLUME"),
        (("MaximumIntensityProjection",), "MAXIMUM", "MAX_IP", "SAMPLED"),
        (("MaximumIntensityProjection", "GaussianBlur"), "FILTERED", "MAX_IP", "SAMPLED"),
        (("CurvedMultiplanarReformatting", "PixelByPixelMean"), "MEAN", "CURVED_MPR", "DISTORTED"),
        (("PixelByPixelSubtraction",), "SUBTRACTION", "NONE", "VOLUME"),
        (("own",), "FILTERED", "NONE", "VOLUME"),
    ],
)
def test_the_last_step_says_the_contrast_and_the_worst_what_a_voxel_is(keywords, fourth, technique, properties):
    found = kind_of(derivation(*keywords), "VOLUME", ORIGINAL)
    assert found == FrameKind(("DERIVED", "PRIMARY", "AXIAL", fourth), properties, technique)


def test_what_a_source_was_already_stays():
    before = FrameKind(("DERIVED", "PRIMARY", "VOLUME", "MINIMUM"), "SAMPLED", "MIN_IP")
    assert kind_of(derivation("GaussianBlur"), "VOLUME", before) == FrameKind(
        ("DERIVED", "PRIMARY", "VOLUME", "FILTERED"), "SAMPLED", "MIN_IP"
    )


def test_nothing_done_is_original_and_another_quantity_is_one():
    assert kind_of(Derivation(), "VOLUME").frame_type == ("ORIGINAL", "PRIMARY", "VOLUME", "NONE")
    other = Derivation((step("own", ValuesEffect.NEW_QUANTITY),))
    assert kind_of(other, "VOLUME").frame_type == ("DERIVED", "PRIMARY", "VOLUME", "QUANTITY")


def test_frames_that_differ_are_mixed_in_the_first_and_the_fourth_value():
    other = FrameKind(("DERIVED", "PRIMARY", "AXIAL", "MAXIMUM"), "SAMPLED", "MAX_IP")
    assert together([other, other]) == other
    assert together([ORIGINAL, other]) == FrameKind(("MIXED", "PRIMARY", "AXIAL", "MIXED"), "MIXED", "MIXED")
    elsewhere = FrameKind(("DERIVED", "PRIMARY", "VOLUME", "MAXIMUM"), "SAMPLED", "MAX_IP")
    assert together([other, elsewhere]).frame_type[2] == "VOLUME", "value 3 is never MIXED"


def test_the_table_has_codes_of_the_group_and_terms_of_the_standard():
    text = contrast.files(contrast.__package__).joinpath("derived_contrast.tsv").read_text(encoding="utf-8")
    numbers = {"ImageType": 4, "VolumeBasedCalculationTechnique": None, "VolumetricProperties": None}
    rules = {keyword: standard.values(ENHANCED_CT, keyword) for keyword in numbers}
    terms = {k: {t for r in rules[k] if r.value_number == n for t in r.values} for k, n in numbers.items()}
    known = {code.value: code.meaning for code in codes.context_group(7203).codes}
    for line in each(csv.DictReader(text.splitlines(), delimiter="\t"), at_least=20):
        assert known[line["code"]] == line["meaning"]
        assert line["value_4"] in terms["ImageType"] | {""}
        assert line["technique"] in terms["VolumeBasedCalculationTechnique"] | {""}
        assert line["properties"] in terms["VolumetricProperties"] | {""}
