"""Secondary Capture: pictures are stored as they are, one instance a page or all pages in one, and said to be that."""

from __future__ import annotations

import subprocess
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import highdicom
import nibabel
import numpy as np
import pydicom
import pytest
import SimpleITK as sitk  # noqa: N813 - its own customary name
from PIL import Image
from pydicom.pixels import apply_voi_lut
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian, RLELossless

import derive
from derive.cli.main import main
from derive.conversion import capture
from tests.helpers.peers import dcentvfy_messages, dciodvfy_errors, sitk_volume, tool
from tests.helpers.source_files import save
from tests.helpers.sources import AXIAL, OBLIQUE, make_series

SINGLE, MULTI = "secondary-capture", "multi-frame-secondary-capture"
KINDS = (SINGLE, MULTI)
PATIENT = derive.Patient("PH01", "Phantom^A")
STUDY = derive.Study(description="Pictures")
NOW = datetime(2026, 3, 4, 5, 6, 7)
ROOT = "1.2.840.10008.5.1.4.1.1.7"
#: By form: class of several frames, bits, and how a pixel is described.
FORMS = {
    "bits": (f"{ROOT}.1", 1, 1, "MONOCHROME2"),
    "bytes": (f"{ROOT}.2", 8, 1, "MONOCHROME2"),
    "words": (f"{ROOT}.3", 16, 1, "MONOCHROME2"),
    "colours": (f"{ROOT}.4", 8, 3, "RGB"),
}
COUNTS = (1, 2, 5)
#: An odd count of bytes, and of bits no multiple of 8; whole bytes a row; and the least there is.
SIZES = ((7, 9), (6, 16), (1, 1))
ALPHA = "its alpha was composited over black: value * alpha / 255, rounded to the nearest"
COLOURED, GREYED = "its palette was expanded to R G B", "its palette of greys was expanded to grey"


def noise(form: str, count: int, rows: int, columns: int) -> np.ndarray:
    """Pages that differ from each other, with the extremes in the last one."""
    rng = np.random.default_rng([count, rows, columns])
    shape = (count, rows, columns, *([3] if form == "colours" else []))
    if form == "bits":
        return rng.random(shape) < 0.4
    highest = 65535 if form == "words" else 255
    pages = rng.integers(1, highest, shape, dtype=np.uint16 if form == "words" else np.uint8)
    pages[-1, -1, -1] = highest
    return pages


@dataclass(frozen=True, eq=False)
class Case:
    """Pictures as they should be stored, and what makes a source of them in a folder."""

    form: str
    pages: np.ndarray
    source: Callable[[Path], Any]
    notes: tuple[str, ...] = ()
    lossy: bool = False

    def stored(self, kind: str) -> np.ndarray:
        """Black and white is stored as bits where there is a class for it."""
        return self.pages * np.uint8(255) if self.form == "bits" and kind == SINGLE else self.pages

    def form_of(self, kind: str) -> str:
        return "bytes" if self.form == "bits" and kind == SINGLE else self.form


def saved(name: str, *images: Image.Image, **options: Any) -> Callable[[Path], Path]:
    def save(folder: Path) -> Path:
        images[0].save(
            folder / name, **options, **({"save_all": True, "append_images": images[1:]} if images[1:] else {})
        )
        return folder / name

    return save


def numpy_file(array: np.ndarray) -> Callable[[Path], Path]:
    def save(folder: Path) -> Path:
        np.save(folder / "a.npy", array)
        return folder / "a.npy"

    return save


def tiff(pages: np.ndarray) -> Callable[[Path], Path]:
    return saved("a.tif", *[Image.fromarray(page) for page in pages])


def case_of_arrays(form: str, count: int, rows: int, columns: int) -> Case:
    pages = noise(form, count, rows, columns)
    return Case(form, pages, tiff(pages) if form == "colours" else lambda folder: pages)


def palette_case(form: str, note: str) -> Case:
    indices = noise("bytes", 1, 7, 9)
    table = np.random.default_rng(5).integers(0, 256, (256, 3 if form == "colours" else 1), dtype=np.uint8)
    table = np.broadcast_to(table, (256, 3))
    image = Image.frombytes("P", (9, 7), indices.tobytes())
    image.putpalette(table.tobytes())
    pages = table[indices]
    return Case(form, pages if form == "colours" else pages[..., 0], saved("a.png", image), (note,))


def alpha_case(form: str) -> Case:
    values, alpha = noise(form, 1, 7, 9)[0], noise("bytes", 1, 9, 7)[0].reshape(7, 9)
    alpha[0, :3] = (0, 1, 255)
    whole = np.dstack([values, alpha])
    wanted = np.rint((values.T * (alpha.T / 255.0)).T).astype(np.uint8)
    mode = "RGBA" if form == "colours" else "LA"
    image = Image.frombytes(mode, (9, 7), whole.tobytes())
    return Case(form, wanted[None], saved("a.png", image), (ALPHA,))


def jpeg_case(form: str) -> Case:
    down, along = np.mgrid[0:33, 0:47]
    grey = (down * 4 + along * 2).astype(np.uint8)
    image = Image.fromarray(grey if form == "bytes" else np.dstack([grey, grey[::-1], grey[:, ::-1]]))
    file = BytesIO()
    image.save(file, "JPEG", quality=80)
    with Image.open(file) as decoded:
        pages = np.array(decoded)[None]
    return Case(form, pages, saved("a.jpg", image, quality=80), lossy=True)


def single(form: str, name: str) -> Case:
    pages = noise(form, 1, 7, 9)
    return Case(form, pages, saved(name, Image.fromarray(pages[0])))


WORDS = noise("words", 2, 7, 9)
CASES: dict[str, Case] = {
    **{
        f"{form}-{count}x{rows}x{columns}": case_of_arrays(form, count, rows, columns)
        for form in FORMS
        for count, (rows, columns) in ((1, SIZES[0]), (2, SIZES[0]), (5, SIZES[0]), (3, SIZES[1]), (2, SIZES[2]))
    },
    **{f"{form}-{suffix}": single(form, f"a.{suffix}") for form in FORMS for suffix in ("png", "tif")},
    "bytes-bmp": single("bytes", "a.bmp"),
    "colours-bmp": single("colours", "a.bmp"),
    **{
        f"{form}-{count}-tiff": Case(form, noise(form, count, 7, 9), tiff(noise(form, count, 7, 9)))
        for form in ("bits", "bytes", "words")
        for count in (2, 5)
    },
    **{
        f"{form}-npy": Case(form, noise(form, 2, 7, 9), numpy_file(noise(form, 2, 7, 9)))
        for form in ("bits", "bytes", "words")
    },
    "words-big-endian-npy": Case("words", WORDS, numpy_file(WORDS.astype(">u2"))),
    "words-fortran-npy": Case("words", WORDS, numpy_file(np.asfortranarray(WORDS))),
    "words-int64-npy": Case("words", WORDS, numpy_file(WORDS.astype(np.int64))),
    "words-int16-npy": Case("words", WORDS // 2, numpy_file((WORDS // 2).astype(np.int16))),
    "bytes-alpha": alpha_case("bytes"),
    "colours-alpha": alpha_case("colours"),
    "bytes-palette": palette_case("bytes", GREYED),
    "colours-palette": palette_case("colours", COLOURED),
    "bytes-jpeg": jpeg_case("bytes"),
    "colours-jpeg": jpeg_case("colours"),
}
FILES = [name for name, case in CASES.items() if name.rpartition("-")[2] in ("png", "tif", "bmp", "tiff", "palette")]


def convert(source: Any, kind: str, burned: str = "NO", **options: Any) -> derive.DerivedSeries:
    settings = {"BurnedInAnnotation": burned, **options.pop("set", {})}
    if "reference" not in options:
        options = {"patient": PATIENT, "study": STUDY, **options}
    return derive.convert(source, kind=kind, set=settings, timestamp=NOW, **options)


def instances(report: derive.Report) -> list[pydicom.Dataset]:
    return [pydicom.dcmread(file) for file in report.files]


def pixels(datasets: list[pydicom.Dataset], kind: str) -> np.ndarray:
    """All pages (page, row, column[, 3]) of what was written."""
    if kind == SINGLE:
        return np.stack([d.pixel_array for d in datasets])
    (dataset,) = datasets
    return dataset.pixel_array[None] if dataset.NumberOfFrames == 1 else dataset.pixel_array


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Write a case once; give what it was made of, and the report."""

    @cache
    def make(name: str, kind: str, burned: str = "NO", frame_time_ms: float | None = None):
        folder = tmp_path_factory.mktemp("sc")
        source = CASES[name].source(folder)
        return source, convert(source, kind, burned, frame_time_ms=frame_time_ms).write(folder / "out")

    return make


every_case = pytest.mark.parametrize("name", CASES)
every_kind = pytest.mark.parametrize("kind", KINDS)
every_form = pytest.mark.parametrize("form", FORMS)


# Pixels


@every_kind
@every_case
def test_what_is_read_back_is_the_input_value_for_value(name, kind, made):
    case, (_, report) = CASES[name], made(name, kind)
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
def test_pixel_data_is_packed_without_gaps_and_padded_to_an_even_count(name, kind, made):
    wanted, form = CASES[name].stored(kind), CASES[name].form_of(kind)
    for index, dataset in enumerate(instances(made(name, kind)[1])):
        page = wanted if kind == MULTI else wanted[index]
        data = np.packbits(page.ravel(), bitorder="little").tobytes() if form == "bits" else page.tobytes()
        assert dataset.PixelData == data + b"\0" * (len(data) % 2)


@every_kind
@every_case
def test_smallest_and_largest_are_those_of_grey_pages(name, kind, made):
    wanted = CASES[name].stored(kind)
    for index, dataset in enumerate(instances(made(name, kind)[1])):
        page = wanted if kind == MULTI else wanted[index]
        found = (dataset.get("SmallestImagePixelValue"), dataset.get("LargestImagePixelValue"))
        grey = CASES[name].form_of(kind) in ("bytes", "words")
        assert found == ((page.min(), page.max()) if grey else (None, None))


@every_kind
@pytest.mark.parametrize("name", [n for n, c in CASES.items() if c.form != "bits" or c.pages.shape[2] % 8 == 0])
def test_simpleitk_reads_the_same_values(name, kind, made):
    # GDCM pads rows of bits to whole bytes, so it cannot read those of another width; DCMTK can, below
    wanted = CASES[name].stored(kind)
    for index, file in enumerate(made(name, kind)[1].files):
        page = wanted if kind == MULTI else wanted[index : index + 1]
        found = sitk.GetArrayFromImage(sitk.ReadImage(str(file)))
        assert np.array_equal(found > 0 if page.dtype == bool else found, page)


@pytest.mark.parametrize("name", [n for n, c in CASES.items() if c.form == "bits"])
def test_dcmtk_reads_bits_of_any_width(name, made, tmp_path):
    (file,) = made(name, MULTI)[1].files
    subprocess.run([tool("dcm2pnm"), "+Fa", "+op", str(file), str(tmp_path / "page")], check=True, capture_output=True)
    found = [np.array(Image.open(tmp_path / f"page.{k}.pgm")) for k in range(len(CASES[name].pages))]
    assert np.array_equal(np.stack(found) > 0, CASES[name].pages)


@every_kind
@pytest.mark.parametrize("name", [*FILES, "bytes-jpeg", "colours-jpeg", "colours-5x7x9"])
def test_pillow_reads_the_same_from_the_file_that_was_converted(name, kind, made):
    source, report = made(name, kind)
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
def test_dciodvfy_finds_no_error_and_dcentvfy_nothing(name, kind, made):
    files = made(name, kind)[1].files
    assert not dciodvfy_errors(files[-1:])
    assert not dcentvfy_messages(files)


@every_kind
@every_case
def test_the_check_of_the_files_finds_no_error(name, kind, made):
    report = made(name, kind)[1]
    assert report.findings == ()
    found = derive.check(report.folder)
    assert [str(f) for f in found.findings if f.severity == "error"] == []
    assert {f.code for f in found.findings} <= {"CHK-SOURCES"}
    assert (found.files, found.series) == (len(report.files), 1)


# What is said


@pytest.mark.parametrize("burned", ["YES", "NO"])
@every_kind
@every_form
def test_the_caller_says_whether_annotation_is_burned_in(form, kind, burned, made):
    _, report = made(f"{form}-2x7x9", kind, burned)
    assert {d.BurnedInAnnotation for d in instances(report)} == {burned}


@every_kind
@every_form
def test_the_device_is_this_application_and_it_converted_on_a_workstation(form, kind, made):
    for dataset in instances(made(f"{form}-2x7x9", kind)[1]):
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
def test_what_was_done_on_reading_is_said_and_nothing_else(name, kind, made):
    for dataset in instances(made(name, kind)[1]):
        call, *notes = dataset.DerivationDescription.split("; ")
        assert call.startswith("convert(format='")
        assert tuple(notes) == CASES[name].notes


@every_kind
@every_case
def test_compression_with_loss_is_said_where_the_file_has_it_and_only_there(name, kind, made):
    source, report = made(name, kind)
    for dataset in instances(report):
        if not CASES[name].lossy:
            assert not any(e.keyword.startswith("LossyImageCompression") for e in dataset)
            continue
        assert (dataset.LossyImageCompression, dataset.LossyImageCompressionMethod) == ("01", "ISO_10918_1")
        ratio = CASES[name].pages.nbytes / source.stat().st_size
        assert float(dataset.LossyImageCompressionRatio) == pytest.approx(ratio, rel=0.01)
        assert ratio > 1


# Several frames


@pytest.mark.parametrize("time_ms", [None, 40, 33.3])
@pytest.mark.parametrize("count", COUNTS)
@every_form
def test_pages_are_told_apart_by_number_or_by_time_and_one_page_by_nothing(form, count, time_ms, made):
    _, report = made(f"{form}-{count}x7x9", MULTI, frame_time_ms=time_ms)
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
def test_the_single_frame_class_never_has_frames(name, made):
    words = ("NumberOfFrames", "FrameIncrementPointer", "PageNumberVector", "FrameTimeVector", "FrameTime")
    for dataset in instances(made(name, SINGLE)[1]):
        assert not [k for k in words if k in dataset]
        assert dataset.SOPClassUID == ROOT


@every_kind
@every_case
def test_rescale_and_presentation_are_said_of_grey_frames_only(name, kind, made):
    grey = kind == MULTI and CASES[name].form in ("bytes", "words")
    wanted = (1, 0, "US", "IDENTITY") if grey else (None,) * 4
    for dataset in instances(made(name, kind)[1]):
        found = ("RescaleSlope", "RescaleIntercept", "RescaleType", "PresentationLUTShape")
        assert tuple(dataset.get(k) for k in found) == wanted


@every_kind
@every_case
def test_words_have_one_window_over_the_range_of_all_pages(name, kind, made):
    pages = CASES[name].pages
    for index, dataset in enumerate(instances(made(name, kind)[1])):
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


# Colours that lie in a patient


def axes(cosines) -> list[float]:
    """Direction of ITK: one matrix column an axis."""
    row, column = map(np.array, cosines)
    return np.stack([row, column, np.cross(row, column)], axis=1).ravel().tolist()


def volume(shape=(6, 12, 14), spacing=(1.0, 1.25, 2.0), cosines=AXIAL, samples=3) -> sitk.Image:
    """An image of noise whose first voxel is that of `make_series`."""
    size = (*shape, 3) if samples == 3 else shape
    values = np.random.default_rng(shape).integers(0, 256, size, dtype=np.uint8)
    image = sitk.GetImageFromArray(values, isVector=samples == 3)
    image.SetSpacing(spacing)
    image.SetOrigin((-10.5, 20.25, -30.0))
    image.SetDirection(axes(cosines))
    return image


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
        assert source.SpatialLocationsPreserved == "YES"
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
def test_pictures_that_lie_nowhere_take_patient_and_study_of_a_reference_alone(form, kind, modality, made, tmp_path):
    source, alone = made(f"{form}-2x7x9", kind)
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
        assert all(e.keyword == "Laterality" or "Laterality" not in e.keyword for e in dataset)
    assert report.geometry_error_mm is None


@every_kind
def test_pictures_of_the_patient_of_a_reference_are_valid(kind, made, tmp_path):
    source, _ = made("colours-2x7x9", kind)
    report = convert(source, kind, reference=derive.read(make_series())).write(tmp_path / "out")
    assert not dciodvfy_errors(report.files)
    assert not dcentvfy_messages(report.files)
    assert [f for f in derive.check(report.folder).findings if f.severity == "error"] == []


# Refusals


def png_of_16_bit_colours(folder: Path) -> Path:
    def chunk(name: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + name + data + zlib.crc32(name + data).to_bytes(4, "big")

    rows = b"".join(b"\0" + bytes(range(12)) for _ in range(3))
    header = (2).to_bytes(4, "big") + (3).to_bytes(4, "big") + bytes([16, 2, 0, 0, 0])
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    (folder / "a.png").write_bytes(data)
    return folder / "a.png"


def wide_vector(folder: Path) -> sitk.Image:
    return sitk.GetImageFromArray(np.ones((2, 3, 4, 3), np.uint16), isVector=True)


def array(values: Any, dtype: str) -> Callable[[Path], np.ndarray]:
    return lambda folder: np.array(values, dtype)


REFUSED = {
    "negative": (array([[[-1, 5]]], "int16"), "VAL-PICTURE"),
    "above-16-bits": (array([[[0, 65536]]], "int32"), "VAL-PICTURE"),
    "float32": (array([[[0, 1]]], "float32"), "VAL-PICTURE"),
    "float64": (array([[[0.5, 1]]], "float64"), "VAL-PICTURE"),
    "float-tiff": (saved("a.tif", Image.fromarray(np.ones((3, 4), np.float32))), "VAL-PICTURE"),
    "scaled": (lambda folder: scaled_nifti(folder), "VAL-PICTURE"),
    "png-16-bit-colours": (png_of_16_bit_colours, "VAL-COLOUR"),
    "vector-16-bit-colours": (wide_vector, "VAL-COLOUR"),
    "several-volumes": (array(np.zeros((2, 3, 4, 5)), "uint8"), "GEO-4D"),
}


def scaled_nifti(folder: Path) -> Path:
    """An image of whole numbers that mean others, and that does not say where it lies."""
    image = nibabel.Nifti1Image(np.arange(24, dtype=np.int16).reshape(2, 3, 4), None)
    image.header.set_slope_inter(2.0, 1.0)
    nibabel.save(image, folder / "a.nii")
    return folder / "a.nii"


@every_kind
@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_picture_is_refused_and_nothing_is_written(name, kind, tmp_path):
    source, code = REFUSED[name]
    with pytest.raises(derive.DeriveError) as refusal:
        convert(source(tmp_path), kind).write(tmp_path / "out")
    assert refusal.value.code == code
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("kind", "options", "code"),
    [
        *[(kind, {"values": "hu"}, "VAL-MEANING") for kind in KINDS],
        *[(kind, {"values": "scale=2,1"}, "VAL-MEANING") for kind in KINDS],
        *[(kind, {"units": "1"}, "VAL-MEANING") for kind in KINDS],
        *[(kind, {"nan_value": 0.0}, "VAL-MEANING") for kind in KINDS],
        (SINGLE, {"frame_time_ms": 40}, "OPT-FRAMETIME"),
        *[(MULTI, {"frame_time_ms": t}, "OPT-FRAMETIME") for t in (0, -40, [0, 40], float("nan"), float("inf"))],
        (MULTI, {"spacing_xyz": (1, 1, 2)}, "GEO-PAGES"),
        *[(kind, {"burned": ""}, "GIV-BURNED") for kind in KINDS],
        *[(kind, {"burned": "PERHAPS"}, "SET-VALUE") for kind in KINDS if kind == MULTI],
        *[(kind, {"set": {"PixelSpacing": "1\\1"}}, "SET-FORBIDDEN") for kind in KINDS],
        *[(kind, {"set": {"SOPClassUID": ROOT}}, "SET-FORBIDDEN") for kind in KINDS],
        *[(kind, {"patient": None}, "GIV-PATIENT") for kind in KINDS],
    ],
)
def test_what_pictures_cannot_be_told_is_refused(kind, options, code, tmp_path):
    with pytest.raises(derive.DeriveError) as refusal:
        convert(noise("bytes", 2, 7, 9), kind, **options).write(tmp_path / "out")
    assert refusal.value.code == code
    assert not (tmp_path / "out").exists()


def test_pages_that_lie_in_a_patient_are_not_put_in_one_instance(tmp_path):
    with pytest.raises(derive.GeometryError, match="GEO-PAGES"):
        convert(volume(), MULTI)


@pytest.mark.parametrize(("limit", "most"), [("MOST_PAGES", 4), ("MOST_BYTES", 5 * 7 * 9 - 1)])
def test_more_pages_than_an_instance_takes_are_refused_and_make_instances_of_their_own(
    limit, most, monkeypatch, tmp_path
):
    pages = noise("bytes", 5, 7, 9)
    monkeypatch.setattr(capture, limit, most)
    with pytest.raises(derive.ValuesError, match=r"VAL-PAGES.*secondary-capture"):
        convert(pages, MULTI)
    assert len(convert(pages, SINGLE).write(tmp_path / "single").files) == 5
    monkeypatch.setattr(capture, limit, most + 1)
    assert len(convert(pages, MULTI).write(tmp_path / "multi").files) == 1


@every_kind
def test_an_image_has_at_most_65535_columns(kind, tmp_path):
    with pytest.raises(derive.GeometryError, match="GEO-MATRIX"):
        convert(np.zeros((1, 1, 65536), np.uint8), kind)
    (dataset,) = instances(convert(np.zeros((1, 1, 65535), np.uint8), kind).write(tmp_path / "out"))
    assert (dataset.Rows, dataset.Columns) == (1, 65535)


# What is written, whole


#: Of every instance: a change here is a change of what users get.
ALWAYS = """
    ImageType InstanceCreationDate InstanceCreationTime SOPClassUID SOPInstanceUID StudyDate SeriesDate ContentDate
    StudyTime SeriesTime ContentTime AccessionNumber Modality ConversionType Manufacturer ReferringPhysicianName
    StudyDescription SeriesDescription ManufacturerModelName DerivationDescription PatientName PatientID
    PatientBirthDate PatientSex DateOfSecondaryCapture TimeOfSecondaryCapture SecondaryCaptureDeviceManufacturer
    SecondaryCaptureDeviceManufacturerModelName SecondaryCaptureDeviceSoftwareVersions SoftwareVersions
    StudyInstanceUID SeriesInstanceUID StudyID SeriesNumber InstanceNumber PatientOrientation Laterality
    SamplesPerPixel PhotometricInterpretation Rows Columns BitsAllocated BitsStored HighBit PixelRepresentation
    BurnedInAnnotation PixelData
"""
GREY = "SmallestImagePixelValue LargestImagePixelValue"
WINDOW = "WindowCenter WindowWidth"
FRAMES = "NumberOfFrames FrameIncrementPointer PageNumberVector"
SHOWN = "RescaleIntercept RescaleSlope RescaleType PresentationLUTShape"
WRITTEN = {
    ("bits", SINGLE): [GREY],
    ("bytes", SINGLE): [GREY],
    ("words", SINGLE): [GREY, WINDOW],
    ("colours", SINGLE): ["PlanarConfiguration"],
    ("bits", MULTI): [FRAMES],
    ("bytes", MULTI): [FRAMES, GREY, SHOWN],
    ("words", MULTI): [FRAMES, GREY, SHOWN, WINDOW],
    ("colours", MULTI): [FRAMES, "PlanarConfiguration"],
}
#: Of slices that lie in a patient.
PLANE = """
    SliceThickness SpacingBetweenSlices SliceLocation ImagePositionPatient ImageOrientationPatient FrameOfReferenceUID
    PositionReferenceIndicator PixelSpacing
"""


@pytest.mark.parametrize(("form", "kind"), WRITTEN)
def test_these_attributes_are_written_and_no_others(form, kind, made):
    dataset = instances(made(f"{form}-2x7x9", kind)[1])[0]
    wanted = " ".join([ALWAYS, *WRITTEN[form, kind]]).split()
    found = {e.keyword for e in dataset}
    assert (found - set(wanted), set(wanted) - found) == (set(), set())


@every_kind
@every_form
def test_every_attribute_that_is_written_is_accounted_for(form, kind, tmp_path):
    case = CASES[f"{form}-2x7x9"]
    series = convert(case.source(tmp_path), kind)
    entries = {e.keyword: e for e in series.explained()}
    dataset = next(series.instances())
    assert {e.keyword for e in dataset} == entries.keys()
    assert all(e.reason for e in entries.values())
    for keyword in ("PatientName", "PatientID", "StudyDescription", "BurnedInAnnotation"):
        assert "said" in entries[keyword].reason or keyword == "BurnedInAnnotation", entries[keyword]


def test_these_attributes_are_written_of_slices_in_a_patient(tmp_path):
    dataset = instances(convert(volume(), SINGLE).write(tmp_path / "out"))[0]
    wanted = f"{ALWAYS} PlanarConfiguration {PLANE}".split()
    found = {e.keyword for e in dataset}
    assert (found - set(wanted), set(wanted) - found) == (set(), set())


# Files of others


@pytest.mark.parametrize(
    "name",
    ["ct_philips_exam_summary_SC", "testpattern_palette_ybr", "deid_dicognito/test_burned_in_annotation_default"],
)
def test_the_check_judges_real_secondary_captures(name, real):
    files = [p for p in real(name).rglob("*") if p.is_file()]
    report = derive.check(real(name))
    assert 0 < report.files <= len(files)
    assert not [f for f in report.findings if f.code in ("CHK-READ", "CHK-CLASS", "CHK-FRAMES", "CHK-MINMAX")]


def test_the_check_finds_what_is_wrong_with_the_exam_summary(real):
    found = {(f.code, f.file) for f in derive.check(real("ct_philips_exam_summary_SC")).findings}
    assert {(code, f"I{n}0") for code in ("CHK-DERIVATION", "CHK-SOURCES") for n in range(1, 7)} <= found


@every_form
def test_the_check_accepts_pages_of_highdicom(form, tmp_path):
    (page,) = noise(form, 1, 7, 9)
    image = highdicom.sc.SCImage(
        page if form != "bits" else page.astype(np.uint8),
        photometric_interpretation="RGB" if form == "colours" else "MONOCHROME2",
        bits_allocated={"bits": 8, "bytes": 8, "words": 16, "colours": 8}[form],
        coordinate_system="PATIENT",
        study_instance_uid="1.2.3.1",
        series_instance_uid="1.2.3.2",
        series_number=1,
        sop_instance_uid="1.2.3.3",
        instance_number=1,
        manufacturer="others",
        patient_orientation=("L", "P"),
    )
    image.save_as(tmp_path / "a.dcm")
    report = derive.check(tmp_path)
    assert (report.files, [str(f) for f in report.findings if f.severity == "error"]) == (1, [])


@pytest.mark.parametrize("count", [1, 5])
@pytest.mark.parametrize(
    "syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian, RLELossless]
)
@pytest.mark.parametrize(("form", "kind"), WRITTEN)
def test_the_check_accepts_the_same_in_other_transfer_syntaxes(form, kind, syntax, count, made, tmp_path):
    dataset = pydicom.dcmread(made(f"{form}-{count}x7x9", kind)[1].files[-1])
    if syntax == RLELossless:
        if dataset.BitsAllocated == 1:
            pytest.skip("RLE has no single bits")
        dataset.compress(RLELossless, encoding_plugin="pydicom", generate_instance_uid=False)
    big = syntax == ExplicitVRBigEndian
    if big and dataset.BitsAllocated == 16:
        dataset.PixelData = dataset.pixel_array.astype(">u2").tobytes()
    elif big:
        dataset["PixelData"].VR = "OB"
    dataset.file_meta.TransferSyntaxUID = syntax
    save(dataset, tmp_path / "a.dcm", **({"little_endian": False, "implicit_vr": False} if big else {}))
    report = derive.check(tmp_path)
    assert [str(f) for f in report.findings if f.severity == "error"] == []
    assert report.files == 1


def spoilt(dataset: pydicom.Dataset, keyword: str, value: Any) -> None:
    if value is None:
        delattr(dataset, keyword)
    else:
        setattr(dataset, keyword, value)


@pytest.mark.parametrize(
    ("form", "kind", "keyword", "value", "code"),
    [
        ("colours", SINGLE, "NumberOfFrames", 2, "CHK-FRAMES"),
        ("bytes", SINGLE, "ConversionType", None, "CHK-TYPE1"),
        ("bytes", MULTI, "ConversionType", None, "CHK-TYPE1"),
        ("bytes", SINGLE, "PatientOrientation", None, "CHK-CONDITION"),
        ("colours", MULTI, "NumberOfFrames", None, "CHK-TYPE1"),
        ("colours", MULTI, "NumberOfFrames", 6, "CHK-PIXEL-LENGTH"),
        ("bits", MULTI, "NumberOfFrames", 6, "CHK-PIXEL-LENGTH"),
        ("bits", MULTI, "BitsStored", 8, "CHK-ENUM"),
        ("words", MULTI, "BurnedInAnnotation", None, "CHK-TYPE1"),
        ("words", MULTI, "WindowCenter", None, "CHK-CONDITION"),
        ("bytes", MULTI, "PhotometricInterpretation", "MONOCHROME1", "CHK-ENUM"),
        ("colours", MULTI, "PlanarConfiguration", None, "CHK-CONDITION"),
        ("colours", SINGLE, "PlanarConfiguration", None, "CHK-CONDITION"),
        ("colours", MULTI, "FrameIncrementPointer", None, "CHK-CONDITION"),
        *[("words", MULTI, keyword, None, "CHK-CONDITION") for keyword in SHOWN.split()],
    ],
)
def test_the_check_finds_what_a_class_asks_for(form, kind, keyword, value, code, made, tmp_path):
    dataset = pydicom.dcmread(made(f"{form}-5x7x9", kind)[1].files[0])
    spoilt(dataset, keyword, value)
    dataset.save_as(tmp_path / "a.dcm")
    found = {(f.code, f.path) for f in derive.check(tmp_path).findings if f.severity == "error"}
    assert (code, "PixelData" if code == "CHK-PIXEL-LENGTH" else keyword) in found


@pytest.mark.parametrize(("vector", "time_ms"), [("PageNumberVector", None), ("FrameTimeVector", 40)])
def test_the_check_finds_a_pointer_to_a_vector_that_is_not_there(vector, time_ms, made, tmp_path):
    dataset = pydicom.dcmread(made("colours-5x7x9", MULTI, frame_time_ms=time_ms)[1].files[0])
    delattr(dataset, vector)
    dataset.save_as(tmp_path / "a.dcm")
    assert [str(f) for f in derive.check(tmp_path).findings if f.severity == "error"]


# The command


@every_kind
def test_the_command_makes_them_and_checks_them(kind, tmp_path, capsys):
    pages = noise("colours", 2, 7, 9)
    source, folder = tiff(pages)(tmp_path), tmp_path / "out"
    call = ["convert", str(source), "--as", kind, "--patient-id", "PH01", "--patient-name", "Phantom^A"]
    assert main([*call, "-o", str(folder)]) == 2
    assert "GIV-BURNED" in capsys.readouterr().err
    more = ["--frame-time-ms", "40"] if kind == MULTI else []
    assert main([*call, "--burned-in-annotation", "YES", *more, "-o", str(folder)]) == 0
    datasets = [pydicom.dcmread(f) for f in sorted(folder.iterdir())]
    assert np.array_equal(pixels(datasets, kind), pages)
    assert {d.BurnedInAnnotation for d in datasets} == {"YES"}
    assert main(["check", str(folder)]) == 0
    assert "0 errors" in capsys.readouterr().out
