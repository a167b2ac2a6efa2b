"""Pages, pictures of a screen and scouts beside the slices of a series are left out, by name; slices never are."""

from __future__ import annotations

import json

import pytest
from pydicom.uid import CTImageStorage, MRImageStorage, SecondaryCaptureImageStorage

import derive
from tests.helpers.commands import run
from tests.helpers.multi_frame import multi_frame
from tests.helpers.refusals import refused
from tests.helpers.sources import make_series

CORONAL = [1, 0, 0, 0, 0, -1]
NOWHERE = {"ImagePositionPatient": None, "ImageOrientationPatient": None, "PixelSpacing": None}
PAGE = {"ImageType": ["DERIVED", "SECONDARY", "SCREEN SAVE"], **NOWHERE}


def beside(uid=CTImageStorage, number=1, **changes):
    """An image of the same series."""
    (dataset,) = make_series("CT", 1, **changes)
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = f"1.2.826.0.1.3680043.10.1111.8.{number}"
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = uid
    return dataset


def enhanced(**form):
    """A multi-frame image in the series of the others."""
    dataset, like = multi_frame("CT", **form), make_series("CT", 1)[0]
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "PatientID", "PatientName", "FrameOfReferenceUID"):
        setattr(dataset, keyword, like[keyword].value)
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = "1.2.826.0.1.3680043.10.1111.8.9"
    return dataset


LEFT_OUT = {
    "secondary capture": (lambda: beside(SecondaryCaptureImageStorage, **NOWHERE), "a page"),
    "page": (lambda: beside(**PAGE), "a page"),
    "colour page": (lambda: beside(**PAGE, PhotometricInterpretation="RGB", SamplesPerPixel=3), "a page"),
    "scout of another class": (lambda: beside(MRImageStorage, ImageOrientationPatient=CORONAL), "another class: MR"),
    "localizer": (lambda: beside(MRImageStorage, ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"]), "another class: MR"),
    "other matrix": (lambda: beside(MRImageStorage, shape=(20, 20)), "another class: MR"),
}


@pytest.mark.parametrize("what", LEFT_OUT)
def test_what_is_no_slice_is_left_out_and_said(what):
    made, reason = LEFT_OUT[what]
    series = derive.read([*make_series("CT"), made()])
    assert series.geometry.shape == (6, 12, 14)
    (skipped,) = series.skipped
    assert reason in skipped.reason


@pytest.mark.parametrize(
    ("made", "code"),
    [
        (lambda: beside(MRImageStorage), "SRC-CLASS"),
        (lambda: beside(MRImageStorage, ImageOrientationPatient=None), "SRC-CLASS"),
        (lambda: beside(**NOWHERE), "GEO-MISSING"),
        (lambda: beside(ImageType=PAGE["ImageType"], ImagePositionPatient=None), "GEO-MISSING"),
    ],
    ids=["slice of another class", "without orientation", "original without a place", "orientation without position"],
)
def test_what_may_be_a_slice_is_refused(made, code):
    refused([*make_series("CT"), made()], code)


def test_pages_alone_are_no_volume():
    refused([beside(number=k, **PAGE) for k in range(3)], "GEO-MISSING")


def test_volumes_of_several_classes_are_chosen():
    files = [*make_series("CT"), enhanced(slices=4)]
    error = refused(files, "SRC-CLASS")
    assert [s["name"] for s in error.facts["stacks"]] == ["CT Image Storage", "Enhanced CT Image Storage"]
    assert "stack=N" in error.message
    assert [derive.read(files, stack=n).geometry.shape[0] for n in (1, 2)] == [6, 4]


def test_a_single_scout_beside_frames_is_left_out():
    series = derive.read([enhanced(), beside(ImageOrientationPatient=CORONAL)])
    assert series.geometry.shape[0] == 6
    assert "another class: CT Image Storage" in series.skipped[0].reason


def test_the_command_says_and_counts_it(tmp_path, capsys):
    folder = tmp_path / "in"
    folder.mkdir()
    for number, dataset in enumerate([*make_series("CT"), beside(**PAGE)]):
        dataset.save_as(folder / f"{number}.dcm", enforce_file_format=True)
    words = ("gaussian-blur", folder, "--sigma-mm", "1", "-o")
    assert run(*words, tmp_path / "text") == 0
    assert "skipped 1 file: a page" in capsys.readouterr().err
    assert run(*words, tmp_path / "json", "--json") == 0
    assert len(json.loads(capsys.readouterr().out)["source"]["skipped"]) == 1
