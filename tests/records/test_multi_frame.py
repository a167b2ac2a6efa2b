"""Multi-frame instances are told and compared by frame: their macros are attributes, whoever wrote them."""

from __future__ import annotations

import json
from importlib.resources import files

import jsonschema
import pydicom
import pytest
from pydicom.multival import MultiValue

import derive
from derive.records.frames import images_of, in_classic_keywords, ranges_of
from derive.records.written import gather
from tests.helpers.asserting import raises_code
from tests.helpers.multi_frame import CREATOR, PRIVATE_GROUP, PRIVATE_VALUE, frames_items, multi_frame

DWI = "siemens_xa61_enh_dwi/dwi"
FORMS = {
    "CT": "enhanced_ct_2f",
    "MR": f"{DWI}/88972796",
    "legacy": "legacy_converted_ct/multiframe",
    "philips": "philips_enh_asl_multidelay/dicom/301_ASL_MultiPhase_real.dcm",
}


def saved(dataset, path):
    dataset.save_as(path, enforce_file_format=True)
    return path


def judged(found, name):
    schema = json.loads(files("derive.cli").joinpath(f"schemas/{name}.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(schema).validate(json.loads(json.dumps(found.to_json(), allow_nan=False)))
    return found


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return saved(
        multi_frame("MR", slices=4, along={"EffectiveEchoTime": (4.0, 9.0)}), tmp_path_factory.mktemp("mf") / "a.dcm"
    )


def change(plain, tmp_path, edit):
    dataset = pydicom.dcmread(plain)
    edit(dataset)
    return saved(dataset, tmp_path / "b.dcm")


@pytest.mark.parametrize("name", FORMS)
def test_every_frame_is_an_image_with_its_macros(name, real):
    (instance,) = gather(real(FORMS[name])).instances
    images = images_of([instance])
    dataset = pydicom.dcmread(instance.path, stop_before_pixels=True)
    assert [i.frame_number for i in images] == list(range(1, dataset.NumberOfFrames + 1))
    shared = {e.keyword for e in dataset.SharedFunctionalGroupsSequence[0] if not e.tag.is_private}
    for image, own in zip(images, dataset.PerFrameFunctionalGroupsSequence, strict=True):
        macros = shared | {e.keyword for e in own if not e.tag.is_private}
        assert macros <= {e.keyword for e in image.elements.values()}
        assert not {"SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"} & {
            e.keyword for e in image.elements.values()
        }
        assert image.texts("ImageType") == list(dataset.ImageType)


def test_a_frame_in_classic_keywords_has_no_macro_but_those_of_single_frames_too(real):
    instances = gather(real(FORMS["MR"])).instances
    for frame in in_classic_keywords(instances):
        assert frame.number("EchoTime") == 100.0
        assert frame.element("MREchoSequence") is None
        assert frame.element("ReferencedImageSequence") is not None


def test_what_cannot_be_told_by_frame_is_told_as_it_stands(plain, tmp_path):
    damaged = change(plain, tmp_path, lambda d: d.PerFrameFunctionalGroupsSequence.pop())
    (image,) = images_of(gather(damaged).instances)
    assert image.element("PerFrameFunctionalGroupsSequence") is not None
    assert "8 frames" not in str(derive.explain(damaged))


@pytest.mark.parametrize("name", FORMS)
def test_an_instance_is_the_same_as_itself(name, real):
    found = judged(derive.diff(real(FORMS[name]), real(FORMS[name])), "diff")
    assert (found.changes, found.shuffled) == ((), False)


def test_a_change_is_told_by_macro_and_frame(plain, tmp_path):
    def edit(dataset):
        for number in (1, 2, 5):
            frames_items(dataset)[number].MREchoSequence[0].EffectiveEchoTime = 7.5

    found = judged(derive.diff(plain, change(plain, tmp_path, edit)), "diff")
    (changed,) = found.changes
    assert (changed.place, changed.entity) == ("MREchoSequence > EffectiveEchoTime", "Image")
    assert changed.frames == (2, 3, 6)
    assert "(frames 2-3, 6)" in str(found)


def test_values_that_change_places_between_frames_are_a_change(plain, tmp_path):
    def edit(dataset):
        one, other = (frames_items(dataset)[k].MREchoSequence[0] for k in (0, 7))
        one.EffectiveEchoTime, other.EffectiveEchoTime = other.EffectiveEchoTime, one.EffectiveEchoTime

    (changed,) = derive.diff(plain, change(plain, tmp_path, edit)).changes
    assert (changed.keyword, changed.frames) == ("EffectiveEchoTime", (1, 8))


def test_frames_in_another_order_are_told_as_that(plain, tmp_path):
    def edit(dataset):
        dataset.PerFrameFunctionalGroupsSequence = list(reversed(dataset.PerFrameFunctionalGroupsSequence))

    found = judged(derive.diff(plain, change(plain, tmp_path, edit)), "diff")
    assert found.shuffled
    assert "in another order" in str(found)


def test_dates_within_macros_are_masked(plain, tmp_path):
    def edit(dataset):
        frames_items(dataset)[0].FrameContentSequence[0].FrameAcquisitionDateTime = "20190203040506"

    other = change(plain, tmp_path, edit)
    assert "20190203" not in str(derive.diff(plain, other))
    assert "20190203" in str(derive.diff(plain, other, show_values=True))
    assert "20190203" not in str(derive.explain(other)) + str(derive.explain(other).in_full())
    assert "20190203" not in json.dumps(derive.explain(other).to_json())


def test_private_attributes_of_frames_are_compared_and_masked(tmp_path):
    before = saved(multi_frame("MR", slices=3, private=True), tmp_path / "a.dcm")

    def edit(dataset):
        block = frames_items(dataset)[1].private_block(PRIVATE_GROUP, CREATOR)
        block[0x10].value[0].private_block(PRIVATE_GROUP, CREATOR)[PRIVATE_VALUE].value = "77"

    after = change(before, tmp_path, edit)
    (changed,) = derive.diff(before, after, show_values=True).changes
    assert (changed.place, changed.frames) == ("(0019,1010) > (0019,1001)", (2,))
    assert "77" not in str(derive.diff(before, after))


def test_a_multi_frame_instance_and_the_slices_behind_it_are_compared_in_classic_keywords(real):
    found = derive.diff(real("legacy_converted_ct/image"), real("legacy_converted_ct/multiframe"))
    assert found.same_grid
    assert found.values is not None
    assert not found.values.differing
    keywords = {c.keyword for c in found.changes}
    assert not {"PixelSpacing", "ImagePositionPatient", "RescaleSlope", "SliceThickness", "KVP"} & keywords
    assert "PixelMeasuresSequence" not in keywords


def test_a_frame_is_explained_by_itself(real):
    found = judged(derive.explain(real(FORMS["MR"])).of_frame(3), "explain")
    assert (found.images, found.instances) == (1, 1)
    of = {e.keyword: e for e in found.attributes}
    assert of["PlanePositionSequence"].told == "ImagePositionPatient -100\\-110\\-40"
    assert not any(e.varies for e in found.attributes)
    assert "frame 3 of instance 2" in str(found.in_full())


def test_a_series_of_multi_frame_instances_is_explained_over_all_frames(real):
    found = judged(derive.explain(real(DWI)), "explain")
    assert (found.images, found.instances) == (70, 7)
    assert "70 frames in 7 instances" in str(found)
    (macro,) = (e for e in found.attributes if e.keyword == "MRDiffusionSequence")
    assert macro.told == "7 values: DiffusionDirectionality NONE, DiffusionBValue 0.0"
    assert macro.entity == "Image"


@pytest.mark.parametrize("keyword", ["EchoTime", "EffectiveEchoTime", "MREchoSequence"])
def test_an_attribute_of_a_macro_is_found_by_either_name(keyword, real):
    (found,) = derive.explain(real(FORMS["MR"]), keyword=keyword).attributes
    assert (found.keyword, found.told) == ("MREchoSequence", "EchoNumbers 1, EffectiveEchoTime 100.0")


def test_a_frame_that_does_not_exist_is_refused(real):
    with raises_code("EXP-FRAME"):
        derive.explain(real(FORMS["MR"])).of_frame(11)


def test_several_software_versions_are_told_as_the_file_has_them(real):
    found = derive.explain(real("philips_balls_enh/dicom/T2.dcm"))
    assert isinstance(pydicom.dcmread(real("philips_balls_enh/dicom/T2.dcm")).SoftwareVersions, MultiValue)
    assert found.record.software.versions == "3.2.3\\3.2.3.1"


def test_numbers_are_written_as_ranges():
    assert ranges_of([4]) == "4"
    assert ranges_of([1, 2, 3, 40, 42, 43]) == "1-3, 40, 42-43"
