"""Compression with loss is a derivation: what is said of it, what is kept, what is measured, and what is refused."""

from __future__ import annotations

import json

import numpy as np
import pydicom
import pytest
from pydicom.encaps import generate_frames
from pydicom.uid import JPEG2000, JPEGLSNearLossless

import derive
from derive.cli.main import main
from derive.operations import compress, gaussian_blur
from derive.pixels.compressions import is_installed, rows
from tests.helpers.asserting import each, every, raises_code
from tests.helpers.multi_frame import multi_frame
from tests.helpers.sources import make_series

pytestmark = pytest.mark.skipif(
    not all(is_installed(row) for (_, lossy), row in rows().items() if lossy), reason="needs the extra compress"
)
LS = {"jpeg_ls": True, "error": 2}
SETTINGS = {
    "jpeg-ls": (LS, JPEGLSNearLossless, "ISO_14495_1"),
    "jpeg2000": ({"jpeg2000": True, "ratio": 6}, JPEG2000, "ISO_15444_1"),
}
SOURCES = {
    "CT": lambda: make_series("CT", shape=(48, 40)),
    "MR": lambda: make_series("MR", shape=(48, 40)),
    "PT": lambda: make_series("PT", shape=(48, 40)),
    "enhanced": lambda: [multi_frame(shape=(48, 40), slices=5)],
}


def smooth(datasets):
    """Give images values that an encoder can do something with."""
    rows_, columns = np.mgrid[:48, :40]
    for k, dataset in enumerate(datasets):
        stored = dataset.pixel_array
        plane = (200 + 40 * np.sin(rows_ / 7 + k) + 3 * columns).astype(stored.dtype)
        dataset.PixelData = np.broadcast_to(plane, stored.shape).tobytes()
    return datasets


def decoded(files):
    return [pydicom.dcmread(f).pixel_array for f in files]


@pytest.mark.parametrize("method", SETTINGS)
@pytest.mark.parametrize("modality", SOURCES)
def test_it_is_a_derivation_of_the_same_stored_values(modality, method, tmp_path):
    given, syntax, term = SETTINGS[method]
    datasets = smooth(SOURCES[modality]())
    source = derive.read(datasets)
    report = derive.compress(source, **given).write(tmp_path / "o")
    before = {d.SOPInstanceUID: d for d in datasets}
    errors = []
    for found in each(pydicom.dcmread(f) for f in report.files):
        assert found.file_meta.TransferSyntaxUID == syntax
        assert found.ImageType[0] == "DERIVED"
        assert found.LossyImageCompression == "01"
        assert found.LossyImageCompressionMethod == term
        assert found.SOPInstanceUID not in before
        assert found.SeriesInstanceUID != datasets[0].SeriesInstanceUID
        (item,) = _sources(found)[:1]
        was = before[item.ReferencedSOPInstanceUID]
        assert item.PurposeOfReferenceCodeSequence[0].CodeValue == "121320"
        assert _codes(found)[-1] == "113040"
        assert [found.BitsAllocated, found.BitsStored] == [was.BitsAllocated, was.BitsStored]
        for keyword in ("RescaleSlope", "RescaleIntercept", "WindowCenter", "WindowWidth"):
            assert found.get(keyword) == was.get(keyword), keyword
        errors.append(int(np.abs(found.pixel_array.astype(int) - was.pixel_array).max()))
        size = np.asarray(found.pixel_array).nbytes / sum(map(len, _frames(found)))
        assert float(found.LossyImageCompressionRatio) == pytest.approx(size, rel=0.01)
    assert report.compression.largest_error == max(errors)
    assert report.to_json()["compression"]["largest_error"] == max(errors)
    assert "error" not in given or max(errors) <= given["error"]
    assert derive.verify(tmp_path / "o", _saved(datasets, tmp_path / "source")).verdict == "SAME"


def _sources(dataset):
    if "SourceImageSequence" in dataset:
        return dataset.SourceImageSequence
    own = dataset.PerFrameFunctionalGroupsSequence[0]
    return own.DerivationImageSequence[0].SourceImageSequence


def _codes(dataset):
    if "DerivationCodeSequence" in dataset:
        return [item.CodeValue for item in dataset.DerivationCodeSequence]
    own = dataset.PerFrameFunctionalGroupsSequence[0]
    return [i.CodeValue for i in own.DerivationImageSequence[0].DerivationCodeSequence]


def _frames(dataset):
    count = int(dataset.get("NumberOfFrames", 1))
    return list(generate_frames(dataset.PixelData, number_of_frames=count))


def _saved(datasets, folder):
    folder.mkdir()
    for k, dataset in enumerate(datasets):
        dataset.save_as(folder / f"{k}.dcm", enforce_file_format=True)
    return folder


def test_what_was_lossy_keeps_its_history_in_order(tmp_path):
    derive.compress(smooth(SOURCES["CT"]()), **LS).write(tmp_path / "once")
    derive.compress(tmp_path / "once", jpeg2000=True, ratio=5).write(tmp_path / "twice")
    once, twice = (pydicom.dcmread(next((tmp_path / n).iterdir())) for n in ("once", "twice"))
    assert list(twice.LossyImageCompressionMethod) == ["ISO_14495_1", "ISO_15444_1"]
    assert len(twice.LossyImageCompressionRatio) == 2
    assert twice.LossyImageCompressionRatio[0] == pytest.approx(float(once.LossyImageCompressionRatio), rel=0.5)
    purposes = [i.PurposeOfReferenceCodeSequence[0].CodeValue for i in twice.SourceImageSequence]
    assert purposes[-1] == "121330"  # the predecessor was lossy already


def test_behind_another_step_what_that_makes_is_compressed(tmp_path):
    source = derive.read(smooth(SOURCES["CT"]()))
    native = derive.build(source, gaussian_blur(sigma_mm=2)).write(tmp_path / "native")
    report = derive.build(source, gaussian_blur(sigma_mm=2), compress(**LS)).write(tmp_path / "o")
    pairs = zip(decoded(native.files), decoded(report.files), strict=True)
    assert every(np.abs(a.astype(int) - b).max() <= 2 for a, b in pairs)
    first = pydicom.dcmread(report.files[0])
    assert [item.CodeValue for item in first.DerivationCodeSequence] == ["113088", "113040"]
    with raises_code("OP-LAST", derive.UsageError):
        derive.build(source, compress(**LS), gaussian_blur(sigma_mm=2))


def padded(padding):
    datasets = smooth(SOURCES["CT"]())
    for dataset in datasets:
        stored = dataset.pixel_array.copy()
        stored[:, :6] = padding
        dataset.PixelData, dataset.PixelPaddingValue = stored.tobytes(), padding
    return datasets


def test_padding_becomes_the_range_that_it_decodes_to(tmp_path):
    report = derive.compress(padded(-2000), jpeg2000=True, ratio=4).write(tmp_path / "o")
    first = pydicom.dcmread(report.files[0])
    low, high = first.PixelPaddingValue, first.PixelPaddingRangeLimit
    outside = (first.pixel_array >= low) & (first.pixel_array <= high)
    assert outside[:, :6].all()
    assert not outside[:, 6:].any()
    assert np.isnan(np.asarray(derive.read(tmp_path / "o"))[0])[:, :6].all()


def test_padding_that_could_not_be_told_from_values_is_refused_or_given_up(tmp_path):
    datasets = padded(201)
    with pytest.raises(derive.ValuesError, match=r"VAL-PADDING-LOST.*padding=.drop"):
        derive.compress(datasets, **LS).write(tmp_path / "o")
    report = derive.compress(datasets, **LS, padding="drop").write(tmp_path / "o")
    assert "PixelPaddingValue" not in pydicom.dcmread(report.files[0])


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"jpeg2000": True},
        {"jpeg2000": True, "ratio": 0.5},
        {"jpeg2000": True, "ratio": float("nan")},
        {"jpeg2000": True, "ratio": 5, "quality": 90},
        {"jpeg": True, "quality": 101},
        {"jpeg": True, "quality": 90.5},
        {"jpeg_ls": True, "error": 0},
        {"jpeg2000": True, "ratio": 5, "jpeg_ls": True, "error": 1},
    ],
    ids=["none", "no-ratio", "ratio-0.5", "nan", "foreign", "quality-101", "half", "error-0", "two"],
)
def test_a_method_without_its_setting_is_refused(given):
    with raises_code("OP-COMPRESS", derive.UsageError):
        compress(**given)(derive.demo_series().volume)


def test_jpeg_of_16_bits_is_refused_before_a_pixel_is_read():
    with pytest.raises(derive.ValuesError, match=r"VAL-COMPRESS.*wanted jpeg2000 or jpeg-ls"):
        derive.compress(make_series("CT", shape=(48, 40)), jpeg=True, quality=90).plan()


def test_signed_values_at_the_ends_of_their_bits_are_refused_by_name(tmp_path):
    datasets = smooth(SOURCES["CT"]())
    for dataset in datasets:
        stored = dataset.pixel_array.copy()
        stored[0, 0] = (1 << dataset.BitsStored - 1) - 1
        dataset.PixelData = stored.tobytes()
    with pytest.raises(derive.ValuesError, match=r"VAL-COMPRESS.*knows no sign; wanted jpeg2000"):
        derive.compress(datasets, **LS).write(tmp_path / "o")


def test_it_is_not_compressed_once_more_without_loss():
    with raises_code("OPT-COMPRESS", derive.UsageError):
        derive.compress(SOURCES["CT"](), **LS, compress="rle").plan()


def test_the_command_says_ratio_and_error(tmp_path, capsys):
    source = _saved(smooth(SOURCES["CT"]()), tmp_path / "ct")
    assert main(["compress", str(source), "-o", str(tmp_path / "o"), "--jpeg-ls", "--error", "2"]) == 0
    assert "jpeg-ls" in capsys.readouterr().out
    assert main(["compress", str(source), "-o", str(tmp_path / "p"), "--jpeg2000", "--ratio", "5", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["compression"]["method"] == "jpeg2000"
    assert main(["compress", str(source), "-o", str(tmp_path / "q"), "--jpeg", "--quality", "90"]) == 5
    assert "VAL-COMPRESS" in capsys.readouterr().err
