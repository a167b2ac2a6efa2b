"""Secondary Capture of several pages, in a patient or beside a reference."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813 - its own customary name
from pydicom.pixels import apply_voi_lut

import derive
from tests.helpers.asserting import every
from tests.helpers.captures import (
    CASES,
    MULTI,
    ROOT,
    SINGLE,
    convert,
    every_case,
    every_form,
    every_kind,
    instances,
    pixels,
    volume,
)
from tests.helpers.peers import dcentvfy_messages, dciodvfy_errors, sitk_volume
from tests.helpers.source_files import save
from tests.helpers.sources import AXIAL, OBLIQUE, make_series

COUNTS = (1, 2, 5)


# Several frames


@pytest.mark.parametrize("time_ms", [None, 40, 33.3])
@pytest.mark.parametrize("count", COUNTS)
@every_form
def test_pages_are_told_apart_by_number_or_by_time_and_one_page_by_nothing(form, count, time_ms, captured):
    _, report = captured(f"{form}-{count}x7x9", MULTI, frame_time_ms=time_ms)
    (dataset,) = instances(report)
    said = {k: dataset.get(k) for k in ("FrameIncrementPointer", "PageNumberVector", "FrameTimeVector")}
    assert dataset.NumberOfFrames == count
    if count == 1:
        assert said == dict.fromkeys(said)
    elif time_ms is None:
        assert said == {
            "FrameIncrementPointer": 0x00182001,
            "PageNumberVector": list(range(1, count + 1)),
            "FrameTimeVector": None,
        }
    else:
        assert said == {
            "FrameIncrementPointer": 0x00181065,
            "PageNumberVector": None,
            "FrameTimeVector": [0, *[time_ms] * (count - 1)],
        }
    assert np.array_equal(pixels([dataset], MULTI), CASES[f"{form}-{count}x7x9"].pages)
    if time_ms == 40:
        assert not dciodvfy_errors(report.files)


@every_case
def test_the_single_frame_class_never_has_frames(name, captured):
    words = ("NumberOfFrames", "FrameIncrementPointer", "PageNumberVector", "FrameTimeVector", "FrameTime")
    for dataset in instances(captured(name, SINGLE)[1]):
        assert not [k for k in words if k in dataset]
        assert dataset.SOPClassUID == ROOT


@every_kind
@every_case
def test_rescale_and_presentation_are_said_of_grey_frames_only(name, kind, captured):
    grey = kind == MULTI and CASES[name].form in ("bytes", "words")
    wanted = (1, 0, "US", "IDENTITY") if grey else (None,) * 4
    for dataset in instances(captured(name, kind)[1]):
        found = ("RescaleSlope", "RescaleIntercept", "RescaleType", "PresentationLUTShape")
        assert tuple(dataset.get(k) for k in found) == wanted


@every_kind
@every_case
def test_words_have_one_window_over_the_range_of_all_pages(name, kind, captured):
    pages = CASES[name].pages
    for index, dataset in enumerate(instances(captured(name, kind)[1])):
        if CASES[name].form != "words":
            assert not {"WindowCenter", "WindowWidth", "VOILUTFunction"} & {e.keyword for e in dataset}
            continue
        low, high = int(pages.min()), int(pages.max())
        assert float(dataset.WindowCenter) == (low + high + 1) / 2
        assert float(dataset.WindowWidth) == max(high - low + 1, 1)
        page = pages if kind == MULTI else pages[index]
        if high > low:
            shown = apply_voi_lut(page.reshape(page.shape), dataset) / 65535
            assert np.allclose(shown, (page - float(low)) / (high - low), atol=1e-3)


def test_a_page_of_one_value_has_a_window(tmp_path):
    report = convert(np.full((1, 3, 5), 7, np.uint16), MULTI).write(tmp_path / "out")
    assert (instances(report)[0].WindowCenter, instances(report)[0].WindowWidth) == (7.5, 1)
    assert not dciodvfy_errors(report.files)


def nifti(folder: Path, image: sitk.Image) -> Path:
    """The same image as RGB24."""
    values = sitk.GetArrayFromImage(image).transpose(2, 1, 0, 3)
    triples = np.ascontiguousarray(values).view([("R", "u1"), ("G", "u1"), ("B", "u1")])[..., 0]
    affine = np.eye(4)
    affine[:3, :3] = np.reshape(image.GetDirection(), (3, 3)) * image.GetSpacing()
    affine[:3, 3] = image.GetOrigin()
    made_of = nibabel.Nifti1Image(triples, np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine)
    made_of.header.set_xyzt_units("mm")
    nibabel.save(made_of, folder / "a.nii.gz")
    return folder / "a.nii.gz"


def at(image: sitk.Image, points: np.ndarray) -> np.ndarray:
    """Values of an image at points (..., x y z) that are centres of its voxels."""
    steps = np.reshape(image.GetDirection(), (3, 3)) * image.GetSpacing()
    index = (points - image.GetOrigin()) @ np.linalg.inv(steps).T
    assert np.abs(index - np.rint(index)).max() < 1e-3
    return sitk.GetArrayFromImage(image)[tuple(np.rint(index).astype(int).T[::-1])]


def points_of(affine: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    return np.argwhere(np.ones(shape[:3])) @ affine[:3, :3].T + affine[:3, 3]


DIRECTIONS = {
    "axial": AXIAL,
    "oblique": OBLIQUE,
    "coronal": ((1.0, 0.0, 0.0), (0.0, 0.0, -1.0)),
    "sagittal-turned": ((0.0, -1.0, 0.0), (0.0, 0.0, 1.0)),
    "axial-turned": ((-1.0, 0.0, 0.0), (0.0, -1.0, 0.0)),
}


@pytest.mark.parametrize("file", [False, True], ids=["simpleitk", "nifti"])
@pytest.mark.parametrize("cosines", DIRECTIONS.values(), ids=DIRECTIONS)
def test_colours_that_lie_somewhere_stay_there(cosines, file, tmp_path):
    image = volume(cosines=cosines)
    report = convert(nifti(tmp_path, image) if file else image, SINGLE).write(tmp_path / "out")
    datasets = instances(report)
    assert len(datasets) == 6
    for dataset in datasets:
        row, column = np.reshape(dataset.ImageOrientationPatient, (2, 3)).astype(float)
        down, along = map(float, dataset.PixelSpacing)
        index = np.argwhere(np.ones((dataset.Rows, dataset.Columns)))
        points = np.array(dataset.ImagePositionPatient, float) + index @ np.stack([column * down, row * along])
        assert np.array_equal(dataset.pixel_array.reshape(-1, 3), at(image, points))
        assert dataset.SpacingBetweenSlices == 2
        assert "SourceImageSequence" not in dataset
        assert (dataset.PatientID, dataset.SOPClassUID) == ("PH01", ROOT)
    assert len({d.FrameOfReferenceUID for d in datasets}) == 1
    values, affine = sitk_volume(report.folder)
    assert np.array_equal(values.reshape(-1, 3), at(image, points_of(affine, values.shape)))
    assert report.geometry_error_mm < 1e-3


@pytest.mark.parametrize("samples", [1, 3])
@pytest.mark.parametrize("with_reference", [False, True])
def test_slices_that_lie_somewhere_are_valid(with_reference, samples, tmp_path):
    sources = [tmp_path / f"{k}.dcm" for k in range(6)] if with_reference else []
    for dataset, file in zip(make_series(), sources, strict=False):
        save(dataset, file)
    known = {"reference": derive.read(sources)} if with_reference else {}
    report = convert(volume(samples=samples), SINGLE, **known).write(tmp_path / "out")
    found = derive.check(report.folder)
    assert [str(f) for f in found.findings if with_reference or f.code != "CHK-SOURCES"] == []
    before = dcentvfy_messages(sources) if sources else set()
    assert not dcentvfy_messages([*sources, *report.files]) - before
    assert not dciodvfy_errors(report.files[:1])


@pytest.mark.parametrize("modality", ["CT", "MR", "PT"])
def test_slices_on_the_grid_of_a_reference_reference_its_images_one_by_one(modality, tmp_path):
    reference, image = derive.read(make_series(modality)), volume()
    datasets = instances(convert(image, SINGLE, reference=reference).write(tmp_path / "out"))
    assert np.array_equal(np.stack([d.pixel_array for d in datasets]), sitk.GetArrayFromImage(image))
    for index, dataset in enumerate(datasets):
        (source,) = dataset.SourceImageSequence
        old = reference.references[index]
        assert source.ReferencedSOPInstanceUID == old.sop_instance_uid
        assert source.ReferencedSOPClassUID == old.sop_class_uid
        assert "SpatialLocationsPreserved" not in source  # nobody said so
        (named,) = dataset.ReferencedSeriesSequence
        assert named.SeriesInstanceUID == reference.series_instance_uid
        assert [i.ReferencedSOPInstanceUID for i in named.ReferencedInstanceSequence] == [old.sop_instance_uid]
        assert dataset.FrameOfReferenceUID == reference.geometry.frame_of_reference_uid
        assert dataset.ImagePositionPatient == reference.value("ImagePositionPatient", index)
        assert (dataset.SOPClassUID, dataset.Modality) == (ROOT, "OT")
        assert (dataset.PatientID, dataset.StudyInstanceUID) == ("P1", reference.value("StudyInstanceUID"))
        assert dataset.SeriesInstanceUID != reference.series_instance_uid
        of_acquisition = (
            "KVP",
            "EchoTime",
            "Units",
            "RescaleSlope",
            "WindowCenter",
            "PixelPaddingValue",
            "ImageComments",
        )
        assert not [k for k in of_acquisition if k in dataset]


def test_slices_of_another_thickness_reference_every_image_that_they_cut(tmp_path):
    reference, image = derive.read(make_series()), volume((3, 12, 14), (1.0, 1.25, 4.0))
    datasets = instances(convert(image, SINGLE, reference=reference).write(tmp_path / "out"))
    found = [[s.ReferencedSOPInstanceUID for s in d.SourceImageSequence] for d in datasets]
    # slices of 4 mm at -30, -26 and -22; images of 2 mm from -30 on
    uids = [r.sop_instance_uid for r in reference.references]
    assert found == [uids[0:2], uids[1:4], uids[3:6]]
    assert {s.SpatialLocationsPreserved for d in datasets for s in d.SourceImageSequence} == {"NO"}


# Pictures that lie nowhere, of the patient of a reference


@pytest.mark.parametrize("modality", ["CT", "MR", "PT"])
@every_kind
@every_form
def test_pictures_that_lie_nowhere_take_patient_and_study_of_a_reference_alone(
    form, kind, modality, captured, tmp_path
):
    source, alone = captured(f"{form}-2x7x9", kind)
    reference = derive.read(make_series(modality))
    report = convert(source, kind, reference=reference).write(tmp_path / "out")
    datasets = instances(report)
    assert np.array_equal(pixels(datasets, kind), CASES[f"{form}-2x7x9"].stored(kind))
    for dataset, without in zip(datasets, instances(alone), strict=True):
        assert {e.keyword for e in dataset} == {e.keyword for e in without}
        for keyword in ("PatientName", "PatientID", "PatientBirthDate", "PatientSex"):
            assert dataset[keyword].value == reference.value(keyword)
        for keyword in ("StudyInstanceUID", "StudyDate", "StudyTime", "StudyID", "AccessionNumber", "StudyDescription"):
            assert dataset[keyword].value == reference.value(keyword)
        assert dataset.ReferringPhysicianName == "Ref^Erring"
        assert (dataset.SeriesDate, dataset.Manufacturer, dataset.BurnedInAnnotation) == (
            "20260304",
            "derive project",
            "NO",
        )
        assert dataset.SeriesInstanceUID != reference.series_instance_uid
        assert every(e.keyword == "Laterality" or "Laterality" not in e.keyword for e in dataset)
    assert report.geometry_error_mm is None


@every_kind
def test_pictures_of_the_patient_of_a_reference_are_valid(kind, captured, tmp_path):
    source, _ = captured("colours-2x7x9", kind)
    report = convert(source, kind, reference=derive.read(make_series())).write(tmp_path / "out")
    assert not dciodvfy_errors(report.files)
    assert not dcentvfy_messages(report.files)
    assert [f for f in derive.check(report.folder).findings if f.severity == "error"] == []
