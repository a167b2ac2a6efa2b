"""A reference of another class gives a conversion what is true of both, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest
from pydicom.uid import MRImageStorage

import derive
from tests.helpers.convert_files import (
    OF_MODALITY,
    affine_of,
    hu,
    nifti,
    read_reference,
    text_of,
    written,
)
from tests.helpers.peers import dciodvfy_errors
from tests.helpers.sources import make_series

#: Of the reference.
SHAPE = (6, 12, 14)


# A reference of another class

#: Of the reference as of any class.
KNOWN = ["PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyInstanceUID", "StudyDate", "StudyTime"]
KNOWN += ["StudyID", "StudyDescription", "AccessionNumber", "ReferringPhysicianName", "FrameOfReferenceUID"]
KNOWN += ["BodyPartExamined"]
#: Of the acquisition, the scanner and its people.
ACQUIRED = [
    "EchoTime",
    "RepetitionTime",
    "ProtocolName",
    "ScanningSequence",
    "SequenceVariant",
    "MagneticFieldStrength",
    "KVP",
    "Exposure",
    "ConvolutionKernel",
    "ReconstructionDiameter",
    "GantryDetectorTilt",
    "AcquisitionNumber",
    "InPlanePhaseEncodingDirection",
    "CountsSource",
    "CorrectedImage",
    "DecayCorrection",
    "FrameReferenceTime",
    "DoseCalibrationFactor",
    "DeviceSerialNumber",
    "StationName",
    "OperatorsName",
    "PerformedProcedureStepID",
    "ImageComments",
]
PAIRS = [("CT", "MR"), ("CT", "PT"), ("MR", "CT"), ("MR", "PT"), ("PT", "CT"), ("PT", "MR")]


def with_protocol(modality):
    """A reference that says all that is of its acquisition."""
    datasets = make_series(modality, ProtocolName="a protocol", ImageComments="a remark")
    return datasets, derive.read(datasets)


@pytest.mark.parametrize(("modality", "of"), PAIRS)
def test_a_reference_of_another_class_gives_what_is_true_of_both(modality, of, tmp_path):
    datasets, reference = with_protocol(of)
    path = nifti(tmp_path / "v.nii", hu(SHAPE) + 1000, affine_of(reference))
    options = {k: v for k, v in OF_MODALITY[modality].items() if k in ("modality", "units", "set")}
    said = options.get("set", {})
    found = written(path, tmp_path / "out", reference=reference, **options)
    assert np.array_equal(found.values, hu(SHAPE) + 1000)
    for dataset, source in zip(found.datasets, datasets, strict=True):
        assert {k: text_of(dataset, k) for k in KNOWN} == {k: text_of(source, k) for k in KNOWN}
        assert dataset.Modality == modality
        assert dataset.SOPClassUID != source.SOPClassUID
        assert dataset.SeriesInstanceUID != source.SeriesInstanceUID
        assert list(dataset.ImagePositionPatient) == pytest.approx(list(source.ImagePositionPatient), abs=1e-4)
        acquired = {
            k: text_of(dataset, k) for k in ACQUIRED if k in dataset and not dataset[k].is_empty and k not in said
        }
        # MR has terms for what is unknown, where it has to have one
        assert acquired == ({"ScanningSequence": "RM", "SequenceVariant": "NONE"} if modality == "MR" else {})
        (image,) = dataset.SourceImageSequence
        assert image.ReferencedSOPClassUID == source.SOPClassUID
        assert image.ReferencedSOPInstanceUID == source.SOPInstanceUID
        (series,) = dataset.ReferencedSeriesSequence
        assert series.SeriesInstanceUID == source.SeriesInstanceUID
        (instance,) = series.ReferencedInstanceSequence
        assert instance.ReferencedSOPClassUID == source.SOPClassUID
        assert dataset.Manufacturer != source.Manufacturer
    assert dciodvfy_errors(found.report.files[:1]) == {}


def test_a_synthetic_ct_of_an_mr_is_no_mr(tmp_path):
    _, reference = with_protocol("MR")
    path = nifti(tmp_path / "v.nii", hu(SHAPE), affine_of(reference))
    found = written(path, tmp_path / "out", reference=reference, modality="CT", description="synthetic CT, Y 1.0")
    assert {d.SourceImageSequence[0].ReferencedSOPClassUID for d in found.datasets} == {MRImageStorage}
    assert list(found.first.ImageType)[:2] == ["DERIVED", "SECONDARY"]
    assert (found.first.RescaleType, rescale_of(found.first)) == ("HU", (1.0, 0.0))
    # the window of an MR means nothing in HU
    assert (found.first.WindowCenter, found.first.WindowWidth) != (40, 400)


def rescale_of(dataset):
    return float(dataset.RescaleSlope), float(dataset.RescaleIntercept)


def test_what_is_set_beside_a_reference_of_another_class_arrives(tmp_path):
    _, reference = with_protocol("MR")
    path = nifti(tmp_path / "v.nii", hu(SHAPE), affine_of(reference))
    said = {"KVP": "120", "ConvolutionKernel": "synthetic", "BodyPartExamined": "HEAD"}
    first = written(path, tmp_path / "out", reference=reference, modality="CT", set=said).first
    assert {k: text_of(first, k) for k in said} == said


def test_without_a_modality_it_is_that_of_the_reference(tmp_path):
    reference = read_reference("MR")
    path = nifti(tmp_path / "v.nii", hu(SHAPE) + 1000, affine_of(reference))
    first = written(path, tmp_path / "out", reference=reference).first
    assert (first.Modality, first.SOPClassUID) == ("MR", MRImageStorage)
    # of the same class, what is known of the acquisition is
    assert (first.EchoTime, first.ScanningSequence) == (12, "SE")
