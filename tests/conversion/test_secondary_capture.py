"""Secondary Capture: pictures are stored as they are, value for value, and said to be that."""

from __future__ import annotations

import subprocess

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813 - its own customary name
from PIL import Image

import derive
from tests.helpers.captures import (
    CASES,
    FORMS,
    MULTI,
    ROOT,
    SINGLE,
    convert,
    every_case,
    every_form,
    every_kind,
    instances,
    noise,
    pixels,
)
from tests.helpers.peers import dcentvfy_messages, dciodvfy_errors, tool

FILES = [name for name, case in CASES.items() if name.rpartition("-")[2] in ("png", "tif", "bmp", "tiff", "palette")]


# Pixels


@every_kind
@every_case
def test_what_is_read_back_is_the_input_value_for_value(name, kind, captured):
    case, (_, report) = CASES[name], captured(name, kind)
    datasets, wanted = instances(report), CASES[name].stored(kind)
    found = pixels(datasets, kind)
    assert found.dtype == (np.uint8 if case.form == "bits" else wanted.dtype)
    assert np.array_equal(found, wanted)
    sop_class, bits, samples, photometric = FORMS[case.form_of(kind)]
    for number, dataset in enumerate(datasets, 1):
        assert sop_class == dataset.SOPClassUID if kind == MULTI else dataset.SOPClassUID == ROOT
        assert (dataset.Rows, dataset.Columns) == wanted.shape[1:3]
        assert (dataset.SamplesPerPixel, dataset.PhotometricInterpretation) == (samples, photometric)
        assert (dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit) == (bits, bits, bits - 1)
        assert dataset.PixelRepresentation == 0
        assert dataset.get("PlanarConfiguration") == (0 if samples == 3 else None)
        assert dataset.InstanceNumber == number
        assert dataset["PixelData"].VR == "OW" if bits == 16 else dataset["PixelData"].VR in ("OB", "OW")
    assert len(datasets) == (len(wanted) if kind == SINGLE else 1)
    assert len({d.SOPInstanceUID for d in datasets}) == len(datasets)
    assert len({d.SeriesInstanceUID for d in datasets}) == 1


@every_kind
@every_case
def test_pixel_data_is_packed_without_gaps_and_padded_to_an_even_count(name, kind, captured):
    wanted, form = CASES[name].stored(kind), CASES[name].form_of(kind)
    for index, dataset in enumerate(instances(captured(name, kind)[1])):
        page = wanted if kind == MULTI else wanted[index]
        data = np.packbits(page.ravel(), bitorder="little").tobytes() if form == "bits" else page.tobytes()
        assert dataset.PixelData == data + b"\0" * (len(data) % 2)


@every_kind
@every_case
def test_smallest_and_largest_are_those_of_grey_pages(name, kind, captured):
    wanted = CASES[name].stored(kind)
    for index, dataset in enumerate(instances(captured(name, kind)[1])):
        page = wanted if kind == MULTI else wanted[index]
        found = (dataset.get("SmallestImagePixelValue"), dataset.get("LargestImagePixelValue"))
        grey = CASES[name].form_of(kind) in ("bytes", "words")
        assert found == ((page.min(), page.max()) if grey else (None, None))


@every_kind
@pytest.mark.parametrize("name", [n for n, c in CASES.items() if c.form != "bits" or c.pages.shape[2] % 8 == 0])
def test_simpleitk_reads_the_same_values(name, kind, captured):
    # GDCM pads rows of bits to whole bytes, so it cannot read those of another width; DCMTK can, below
    wanted = CASES[name].stored(kind)
    for index, file in enumerate(captured(name, kind)[1].files):
        page = wanted if kind == MULTI else wanted[index : index + 1]
        found = sitk.GetArrayFromImage(sitk.ReadImage(str(file)))
        assert np.array_equal(found > 0 if page.dtype == bool else found, page)


@pytest.mark.parametrize("name", [n for n, c in CASES.items() if c.form == "bits"])
def test_dcmtk_reads_bits_of_any_width(name, captured, tmp_path):
    (file,) = captured(name, MULTI)[1].files
    subprocess.run([tool("dcm2pnm"), "+Fa", "+op", str(file), str(tmp_path / "page")], check=True, capture_output=True)
    found = [np.array(Image.open(tmp_path / f"page.{k}.pgm")) for k in range(len(CASES[name].pages))]
    assert np.array_equal(np.stack(found) > 0, CASES[name].pages)


@every_kind
@pytest.mark.parametrize("name", [*FILES, "bytes-jpeg", "colours-jpeg", "colours-5x7x9"])
def test_pillow_reads_the_same_from_the_file_that_was_converted(name, kind, captured):
    source, report = captured(name, kind)
    found = pixels(instances(report), kind)
    with Image.open(source) as image:
        for number, page in enumerate(found):
            image.seek(number)
            mode = {"bits": "L", "bytes": "L", "words": image.mode, "colours": "RGB"}[CASES[name].form]
            wanted = np.array(image if mode == image.mode else image.convert(mode))
            assert np.array_equal(page > 0, wanted > 0) if CASES[name].form == "bits" else np.array_equal(page, wanted)


# Validators


@every_kind
@pytest.mark.parametrize(
    "name", [n for n in CASES if n.endswith(("1x7x9", "2x7x9", "5x7x9", "alpha", "palette", "jpeg"))]
)
def test_dciodvfy_finds_no_error_and_dcentvfy_nothing(name, kind, captured):
    files = captured(name, kind)[1].files
    assert not dciodvfy_errors(files[-1:])
    assert not dcentvfy_messages(files)


@every_kind
@every_case
def test_the_check_of_the_files_finds_no_error(name, kind, captured):
    report = captured(name, kind)[1]
    assert report.findings == ()
    found = derive.check(report.folder)
    assert [str(f) for f in found.findings if f.severity == "error"] == []
    assert {f.code for f in found.findings} <= {"CHK-SOURCES"}
    assert (found.files, found.series) == (len(report.files), 1)


# What is said


@pytest.mark.parametrize("burned", ["YES", "NO"])
@every_kind
@every_form
def test_the_caller_says_whether_annotation_is_burned_in(form, kind, burned, captured):
    _, report = captured(f"{form}-2x7x9", kind, burned)
    assert {d.BurnedInAnnotation for d in instances(report)} == {burned}


@every_kind
@every_form
def test_the_device_is_this_application_and_it_converted_on_a_workstation(form, kind, captured):
    for dataset in instances(captured(f"{form}-2x7x9", kind)[1]):
        assert dataset.ConversionType == "WSD"
        assert dataset.SecondaryCaptureDeviceManufacturer == dataset.Manufacturer == "derive project"
        assert dataset.SecondaryCaptureDeviceManufacturerModelName == dataset.ManufacturerModelName == "dicom-derive"
        assert dataset.SecondaryCaptureDeviceSoftwareVersions == dataset.SoftwareVersions == derive.__version__
        assert dataset.DateOfSecondaryCapture == dataset.ContentDate == "20260304"
        assert dataset.TimeOfSecondaryCapture == dataset.ContentTime == "050607.000000"
        assert (list(dataset.ImageType), dataset.Modality) == (["DERIVED", "SECONDARY"], "OT")
        assert (dataset.PatientName, dataset.PatientID, dataset.StudyDescription) == ("Phantom^A", "PH01", "Pictures")


@every_kind
@pytest.mark.parametrize("conversion", ["DV", "DI", "SD", "SI", "DRW", "SYN"])
def test_another_conversion_type_and_modality_stand_if_they_are_said(conversion, kind, tmp_path):
    pages = noise("bytes", 1, 7, 9)
    report = convert(pages, kind, modality="XC", set={"ConversionType": conversion}).write(tmp_path / "out")
    (dataset,) = instances(report)
    assert (dataset.ConversionType, dataset.Modality) == (conversion, "XC")
    assert not dciodvfy_errors(report.files)


def test_pages_of_a_digitized_film_need_the_spacing_it_was_scanned_with(tmp_path):
    """C.8.6.3: Nominal Scanned Pixel Spacing is required where Conversion Type is DF."""
    pages = noise("bytes", 1, 7, 9)
    scanned = {"ConversionType": "DF", "NominalScannedPixelSpacing": "0.1\\0.1"}
    report = convert(pages, MULTI, set=scanned).write(tmp_path / "out")
    assert instances(report)[0].NominalScannedPixelSpacing == [0.1, 0.1]
    assert not dciodvfy_errors(report.files)
    with pytest.raises(derive.DeriveError, match="NominalScannedPixelSpacing"):
        convert(pages, MULTI, set={"ConversionType": "DF"}).write(tmp_path / "refused")


@every_kind
def test_what_was_acquired_like_this_is_original_and_not_derived(kind, tmp_path):
    report = convert(noise("bytes", 2, 7, 9), kind, original=True).write(tmp_path / "out")
    for dataset in instances(report):
        assert dataset.ImageType[0] == "ORIGINAL"
        assert "DerivationDescription" not in dataset
    assert not dciodvfy_errors(report.files[:1])
    assert [str(f) for f in derive.check(report.folder).findings] == []


@every_kind
@every_case
def test_what_was_done_on_reading_is_said_and_nothing_else(name, kind, captured):
    for dataset in instances(captured(name, kind)[1]):
        call, *notes = dataset.DerivationDescription.split("; ")
        assert call.startswith("convert(format='")
        assert tuple(notes) == CASES[name].notes


@every_kind
@every_case
def test_compression_with_loss_is_said_where_the_file_has_it_and_only_there(name, kind, captured):
    source, report = captured(name, kind)
    for dataset in instances(report):
        if not CASES[name].lossy:
            assert not any(e.keyword.startswith("LossyImageCompression") for e in dataset)
            continue
        assert (dataset.LossyImageCompression, dataset.LossyImageCompressionMethod) == ("01", "ISO_10918_1")
        ratio = CASES[name].pages.nbytes / source.stat().st_size
        assert float(dataset.LossyImageCompressionRatio) == pytest.approx(ratio, rel=0.01)
        assert ratio > 1
