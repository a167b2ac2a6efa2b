"""What may have text burned in does not go out unless it is cleaned, or a person says what is to become of it."""

from __future__ import annotations

import numpy as np
import pytest
from pydicom.dataset import Dataset

from derive.deidentification.pixels.box import Box
from derive.deidentification.pixels.clean import clean_pixels
from derive.deidentification.pixels.plan import PixelPlan
from derive.deidentification.pixels.risk import GATES, risks_of
from derive.deidentification.templates.read import read_templates
from tests.helpers.asserting import each, raises_code
from tests.helpers.burned_in import CR, CT, KINDS, MR, ROWS, SC, US, cleaned, dataset, drawn, file_of, samples_of

OFF = PixelPlan(ocr="off")
KIND = KINDS["MR"]

RISKY = {
    "its header says so": {"BurnedInAnnotation": "YES"},
    "Secondary Capture": {"SOPClassUID": SC},
    "multi-frame Secondary Capture": {"SOPClassUID": f"{SC}.4"},
    "ultrasound": {"SOPClassUID": US},
    "ultrasound cine": {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.3.1"},
    "retired ultrasound": {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.6"},
    "of the modality": {"Modality": "US"},
    "screen save": {"ImageType": ["DERIVED", "SECONDARY", "SCREEN SAVE"]},
    "patient info": {"ImageType": ["DERIVED", "SECONDARY", "PATIENT_INFO"]},
    "dose report": {"SeriesDescription": "Dose Report"},
    "screen capture": {"SeriesDescription": "3D screen capture 2"},
    "film": {"ConversionType": "DF"},
    "label of a slide": {
        "SOPClassUID": "1.2.840.10008.5.1.4.1.1.77.1.6",
        "ImageType": ["ORIGINAL", "PRIMARY", "LABEL"],
    },
}
QUIET = {
    "MR": {"SOPClassUID": MR, "Modality": "MR"},
    "CT": {"SOPClassUID": CT, "Modality": "CT", "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"]},
    "said clean": {"BurnedInAnnotation": "NO"},
    "described": {"SeriesDescription": "Screening chest"},
}


def image(**attributes) -> Dataset:
    return dataset(KIND, drawn(KIND), **attributes)


@pytest.mark.parametrize("name", RISKY)
def test_what_may_have_text_is_refused(name):
    with raises_code("DEID-BURNED-IN") as caught:
        cleaned(image(**RISKY[name]), OFF)
    assert "DOE" not in str(caught.value)


@pytest.mark.parametrize("name", QUIET)
def test_what_need_not_be_feared_goes(name):
    result, _ = cleaned(image(**QUIET[name]), OFF)
    assert (result.changed, result.skipped, result.vouched) == (False, False, False)


def test_its_word_that_nothing_is_burned_in_is_not_enough_for_a_screen():
    with raises_code("DEID-BURNED-IN"):
        cleaned(image(SOPClassUID=SC, BurnedInAnnotation="NO"), OFF)


@pytest.mark.parametrize(
    ("burned_in", "skipped", "vouched", "told"),
    [("skip", True, False, True), ("keep", False, False, True), ("vouched", False, True, False)],
)
def test_a_person_says_what_becomes_of_it(burned_in, skipped, vouched, told):
    result, _ = cleaned(image(**RISKY["ultrasound"]), PixelPlan(ocr="off", burned_in=burned_in))
    assert (result.skipped, result.vouched, bool(result.risks)) == (skipped, vouched, told)


METHODS = {
    "a box": PixelPlan(boxes=(Box(0, 0, None, 9),), ocr="off"),
    "regions": PixelPlan(us_regions="keep", ocr="off"),
    "a template": PixelPlan(
        templates=read_templates('[[template]]\nwhen = {Modality = "US"}\nboxes = [[0, 0, 96, 9]]\n', "a test"),
        ocr="off",
    ),
    "a CTP script": PixelPlan(
        templates=read_templates('US\n{ Modality.equals("US") * Rows.equals("64") }\n(0,0,96,9)\n', "a test"), ocr="off"
    ),
}


def regions(*corners: tuple[int, int, int, int]) -> list[Dataset]:
    found = []
    for left, top, right, bottom in corners:
        item = Dataset()
        item.RegionLocationMinX0, item.RegionLocationMinY0 = left, top
        item.RegionLocationMaxX1, item.RegionLocationMaxY1 = right, bottom
        found.append(item)
    return found


@pytest.mark.parametrize("method", METHODS)
def test_a_deterministic_method_answers_for_it(method):
    source = image(SOPClassUID=US, Modality="US", SequenceOfUltrasoundRegions=regions((0, 9, 95, 63)))
    result, after = cleaned(source, METHODS[method])
    assert result.vouched
    assert result.risks == ()
    now, was = samples_of(after)[0, ..., 0], samples_of(source)[0, ..., 0]
    assert not now[:9].any()
    assert np.array_equal(now[9:], was[9:])


def test_all_outside_of_the_regions_is_blank():
    source = image(SOPClassUID=US, SequenceOfUltrasoundRegions=regions((10, 10, 40, 30), (30, 20, 200, 50)))
    _, after = cleaned(source, METHODS["regions"])
    kept = np.zeros((ROWS, 96), bool)
    kept[10:31, 10:41] = kept[20:51, 30:] = True
    now = samples_of(after)[0, ..., 0]
    assert not now[~kept].any()
    assert np.array_equal(now[kept], samples_of(source)[0, ..., 0][kept])


@pytest.mark.parametrize("given", [(), ((0, 0, 95, 63),), ((0, 0, 96, 64),), ((5, 5, 4, 4),)], ids=str)
def test_regions_that_do_not_say_where_text_is_answer_for_nothing(given):
    with raises_code("DEID-BURNED-IN"):
        cleaned(image(SOPClassUID=US, SequenceOfUltrasoundRegions=regions(*given)), METHODS["regions"])


def test_a_template_of_other_images_cleans_nothing():
    with raises_code("DEID-BURNED-IN"):
        cleaned(image(SOPClassUID=SC, Modality="OT"), METHODS["a template"])


def test_a_template_that_lies_outside_is_refused():
    templates = read_templates('[[template]]\nwhen = {Modality = "US"}\nboxes = [[640, 0, 96, 9]]\n', "a test")
    with raises_code("DEID-TEMPLATE"):
        cleaned(image(SOPClassUID=US, Modality="US"), PixelPlan(templates=templates, ocr="off"))


def test_what_was_cleaned_before_is_clean():
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "113101", "DCM", "Clean Pixel Data Option"
    source = image(SOPClassUID=US, BurnedInAnnotation="NO", DeidentificationMethodCodeSequence=[code])
    result, _ = cleaned(source, OFF)
    assert (result.changed, result.risks) == (False, ())


@pytest.mark.parametrize(
    "attributes",
    [{"BodyPartExamined": "HEAD"}, {"StudyDescription": "MRI brain w/o"}, {"SeriesDescription": "t1 MPRAGE sag"}],
    ids=lambda a: next(iter(a)),
)
def test_a_face_is_said_whatever_else_is_clean(attributes):
    plan = PixelPlan(boxes=(Box(0, 0, 5, 5),), ocr="off")
    result, _ = cleaned(image(Modality="MR", **attributes), plan)
    assert [risk.name for risk in result.risks] == ["face"]
    result, _ = cleaned(image(Modality="MR", BodyPartExamined="KNEE"), plan)
    assert result.risks == ()


def test_radiographs_that_nobody_looked_at_are_told():
    result, _ = cleaned(image(SOPClassUID=CR), OFF)
    assert [risk.name for risk in result.risks] == ["radiograph"]


def test_objects_without_pixels_pass():
    source = image(SOPClassUID=US)
    del source.PixelData
    assert clean_pixels(file_of(source), OFF).risks == ()


def test_every_row_of_the_table_has_a_known_gate():
    seen = {risk.gate for name in each(RISKY, 10) for risk in risks_of(file_of(image(**RISKY[name])).instance)}
    assert seen <= {*GATES}


@pytest.mark.parametrize(
    "given", [{"us_regions": "all"}, {"ocr": "on"}, {"ocr_text": "some"}, {"burned_in": "ignore"}], ids=str
)
def test_a_plan_of_unknown_words_is_refused(given):
    with raises_code("DEID-PIXEL-PLAN"):
        PixelPlan(**given)


def test_a_face_of_an_enhanced_image_is_said_in_its_functional_groups():
    region, anatomy, shared = Dataset(), Dataset(), Dataset()
    region.CodeValue, region.CodingSchemeDesignator, region.CodeMeaning = "69536005", "SCT", "Head"
    anatomy.AnatomicRegionSequence = [region]
    shared.FrameAnatomySequence = [anatomy]
    result, _ = cleaned(image(Modality="MR", SharedFunctionalGroupsSequence=[shared]), OFF)
    assert [risk.name for risk in result.risks] == ["face"]


def test_boxes_are_no_boxes_of_tiles():
    kind = KINDS["cine"]
    source = dataset(kind, drawn(kind), TotalPixelMatrixColumns=2 * 96, TotalPixelMatrixRows=2 * ROWS)
    with raises_code("DEID-TILES"):
        cleaned(source, PixelPlan(boxes=(Box(0, 0, 5, 5),), ocr="off"))
