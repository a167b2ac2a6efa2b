"""References between the objects of a set, and those that lead out of it."""

from __future__ import annotations

import io

import pydicom
import pytest
from pydicom.dataset import Dataset

from derive.deidentification.engine.engine import Deidentifier
from derive.deidentification.profile.profile import profile_of
from derive.deidentification.run.run import RunPlan, run_of
from derive.rewriting.file import stored_dataset
from derive.standard import type_of
from tests.helpers.asserting import each
from tests.helpers.by_hand import CT, ROOT, image, item, presentation
from tests.helpers.every_iod import SOP_CLASSES, places, whole
from tests.helpers.methods import KEY

OUTSIDE = f"{ROOT}66.1"
REPORT = "1.2.840.10008.5.1.4.1.1.88.22"
STRUCTURES = "1.2.840.10008.5.1.4.1.1.481.3"


def reference(uid=OUTSIDE, **more):
    return item(ReferencedSOPClassUID=CT, ReferencedSOPInstanceUID=uid, **more)


def through(datasets, external="remove", profile="basic"):
    """The objects of a set as they are written and read again, and the run."""
    wanted = profile_of(profile)
    run = run_of(wanted, KEY, RunPlan(external=external))
    stored = [stored_dataset(ds) for ds in datasets]
    for one in stored:
        run.seen(one.instance)
    engine = Deidentifier(wanted, run)
    files = [b"".join(map(bytes, engine.file(one).parts)) for one in stored]
    return [pydicom.dcmread(io.BytesIO(file)) for file in files], run


def uids_in(ds: Dataset) -> list[str]:
    return [str(e.value) for e in ds.iterall() if e.keyword == "ReferencedSOPInstanceUID"]


def two_images(**more):
    images = [image(1), image(2)]
    for keyword, value in more.items():
        setattr(images[0], keyword, value)
    return images


@pytest.mark.parametrize("external", ["map", "remove"])
def test_references_in_the_set_follow(external):
    (first, second, state), run = through([*two_images(), presentation()], external)
    assert uids_in(first) == [second.SOPInstanceUID]
    assert uids_in(second) == [first.SOPInstanceUID]
    assert uids_in(state) == [first.SOPInstanceUID, second.SOPInstanceUID]
    assert state.ReferencedSeriesSequence[0].SeriesInstanceUID == first.SeriesInstanceUID == second.SeriesInstanceUID
    assert ROOT not in str(first) + str(second) + str(state)
    assert run.uids.new(f"{ROOT}7.1") == first.SOPInstanceUID


def test_references_out_of_the_set_are_mapped_or_go_where_they_may():
    images = two_images(ReferencedImageSequence=[reference(), reference(f"{ROOT}7.2"), reference(f"{ROOT}66.2")])
    (mapped, *_), run = through(images, "map")
    assert uids_in(mapped) == [run.uids.new(uid) for uid in (OUTSIDE, f"{ROOT}7.2", f"{ROOT}66.2")]
    (removed, second), _ = through(images)
    assert uids_in(removed) == [second.SOPInstanceUID]


def test_a_sequence_of_which_all_lead_out_goes():
    (first, second), _ = through(two_images(ReferencedImageSequence=[reference(), reference(f"{ROOT}66.2")]))
    assert "ReferencedImageSequence" not in first
    assert uids_in(second) == [first.SOPInstanceUID]


def test_an_item_goes_that_must_have_a_reference_and_has_none_in_the_set():
    state = presentation()
    series = state.ReferencedSeriesSequence[0]
    series.ReferencedImageSequence.append(reference())
    outer = item(SeriesInstanceUID=f"{ROOT}66", ReferencedImageSequence=[reference()])
    state.ReferencedSeriesSequence.append(outer)
    (first, second, after), _ = through([*two_images(), state])
    assert len(after.ReferencedSeriesSequence) == 1
    assert uids_in(after) == [first.SOPInstanceUID, second.SOPInstanceUID]


def test_what_must_not_be_empty_stays_and_is_mapped():
    """Of a presentation state alone all references lead out; one without any is none."""
    (after,), run = through([presentation()])
    assert uids_in(after) == [run.uids.new(f"{ROOT}7.{n}") for n in (1, 2)]
    assert after.ReferencedSeriesSequence[0].SeriesInstanceUID == run.uids.new(f"{ROOT}3.1")


def report():
    ds = image()
    for keyword in ("PixelData", "Rows", "Columns", "ReferencedImageSequence", "IconImageSequence"):
        del ds[keyword]
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = REPORT
    ds.SOPInstanceUID = f"{ROOT}9.1"
    ds.ValueType = "CONTAINER"
    name = item(CodeValue="121112", CodingSchemeDesignator="DCM", CodeMeaning="Source of Measurement")
    content = item(RelationshipType="CONTAINS", ValueType="IMAGE", ConceptNameCodeSequence=[name])
    content.ReferencedSOPSequence = [reference()]
    ds.ContentSequence = [content]
    evidence = item(SeriesInstanceUID=f"{ROOT}66", ReferencedSOPSequence=[reference()])
    ds.CurrentRequestedProcedureEvidenceSequence = [
        item(StudyInstanceUID=f"{ROOT}2", ReferencedSeriesSequence=[evidence])
    ]
    return ds


def test_what_a_report_says_stays_whole():
    (after,), run = through([report()], profile="basic+clean-structured-content")
    assert set(uids_in(after)) == {run.uids.new(OUTSIDE)}
    assert len(after.ContentSequence) == len(after.CurrentRequestedProcedureEvidenceSequence) == 1


def test_structures_keep_their_contours():
    ds = image()
    for keyword in ("PixelData", "Rows", "Columns", "ReferencedImageSequence", "IconImageSequence"):
        del ds[keyword]
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = STRUCTURES
    ds.SOPInstanceUID = f"{ROOT}9.1"
    contour = item(ContourGeometricType="POINT", NumberOfContourPoints=1, ContourData=["1", "2", "3"])
    contour.ContourImageSequence = [reference()]
    ds.ROIContourSequence = [item(ReferencedROINumber=1, ContourSequence=[contour])]
    series = item(SeriesInstanceUID=f"{ROOT}66", ContourImageSequence=[reference()])
    study = item(ReferencedSOPClassUID=CT, ReferencedSOPInstanceUID=f"{ROOT}2", RTReferencedSeriesSequence=[series])
    ds.ReferencedFrameOfReferenceSequence = [item(FrameOfReferenceUID=f"{ROOT}5", RTReferencedStudySequence=[study])]
    (after,), run = through([ds])
    assert uids_in(after) == []
    (kept,) = each(after.ROIContourSequence[0].ContourSequence)
    assert "ContourImageSequence" not in kept
    (space,) = each(after.ReferencedFrameOfReferenceSequence)
    assert space.FrameOfReferenceUID == run.uids.new(f"{ROOT}5")
    assert "RTReferencedStudySequence" not in space


def test_classes_that_a_vendor_made_are_no_identity():
    """A class in what the table lacks is one still: nobody can read an object of which it became another."""
    ds = image()
    ds.RelatedGeneralSOPClassUID = "1.3.12.2.1107.5.9.1"
    (after,), _ = through([ds], "map")
    assert after.RelatedGeneralSOPClassUID == "1.3.12.2.1107.5.9.1"


@pytest.mark.parametrize("name", ["SEG", "PR", "RTSTRUCT", "RWV"])
def test_what_must_have_items_has_them_in_every_iod(name):
    """An object with every attribute of its modules, of which every reference leads out."""
    original = whole(SOP_CLASSES[name])
    (after,), _ = through([original])
    (mapped,), _ = through([original], "map")
    held = dict(places(mapped))
    left = dict(places(after))
    required = [
        p for p, e in held.items() if e.VR == "SQ" and type_of(SOP_CLASSES[name], p) == "1" and p[:-1] in {(), *left}
    ]
    for place in each(required):
        assert place in left, place
        assert len(left[place].value) > 0, place
    assert len(left) < len(held)
