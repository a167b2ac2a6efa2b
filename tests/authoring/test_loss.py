"""Ratio and method of lossy compression: together in a whole series, or not at all (PS3.3 C.7.6.1.1.5)."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest

import derive
from derive.authoring.lossy import padding_of_all
from derive.model.loss import Loss, loss_of
from derive.operations import gaussian_blur
from derive.pixels.encode import Codestream, EncodedFrame, Encoding
from tests.helpers.asserting import each, every, raises_code
from tests.helpers.sources import make_series

KEYWORDS = ("LossyImageCompressionRatio", "LossyImageCompressionMethod")
JPEG, J2K = "ISO_10918_1", "ISO_15444_1"
IN_PLANES = gaussian_blur(sigma_mm=(1, 1, 0))


def made(folder, step=IN_PLANES, **attributes) -> list[pydicom.Dataset]:
    """What a series becomes of whose images these attributes are told."""
    report = derive.build(derive.read(make_series("CT", 4, **attributes)), step).write(folder / "out")
    datasets = each((pydicom.dcmread(path) for path in report.files), 4)
    return sorted(datasets, key=lambda d: d.ImagePositionPatient[2])


def pairs(datasets) -> list[tuple[str, str] | None]:
    told = [tuple(str(d.get(k, "")) for k in KEYWORDS) for d in datasets]
    return [None if pair == ("", "") else pair for pair in told]


def test_a_series_has_the_ratio_of_the_image_that_lost_most(tmp_path):
    ratios = {"LossyImageCompressionRatio": lambda k: 8 + k, "LossyImageCompressionMethod": J2K}
    datasets = made(tmp_path, LossyImageCompression="01", **ratios)
    assert pairs(datasets) == [("11.0", J2K)] * 4


def test_an_image_that_lost_nothing_has_neither(tmp_path):
    lossy = {"LossyImageCompression": lambda k: "01" if k == 2 else "00"}
    told = {"LossyImageCompressionRatio": lambda k: 9 if k == 2 else None, "LossyImageCompressionMethod": JPEG}
    datasets = made(tmp_path, **lossy, **told)
    assert pairs(datasets) == [None, None, ("9.0", JPEG), None]


@pytest.mark.parametrize(
    "told",
    [
        {"LossyImageCompressionRatio": 9},
        {"LossyImageCompressionMethod": JPEG},
        {"LossyImageCompressionRatio": [9, 4], "LossyImageCompressionMethod": JPEG},
        {"LossyImageCompressionRatio": lambda k: None if k == 3 else 9, "LossyImageCompressionMethod": JPEG},
        {},
    ],
)
def test_one_without_the_other_is_neither_in_the_whole_series(told, tmp_path):
    datasets = made(tmp_path, LossyImageCompression="01", **told)
    assert pairs(datasets) == [None] * 4
    assert every(d.LossyImageCompression == "01" for d in datasets)


def test_successive_compressions_stay_in_their_order(tmp_path):
    told = {"LossyImageCompressionRatio": [9, 4], "LossyImageCompressionMethod": [JPEG, J2K]}
    for dataset in made(tmp_path, LossyImageCompression="01", **told):
        assert list(dataset.LossyImageCompressionRatio) == [9, 4]
        assert list(dataset.LossyImageCompressionMethod) == [JPEG, J2K]


@pytest.mark.parametrize(
    ("ratios", "methods", "now", "wanted"),
    [
        ([], [], None, None),
        ([9.0], [JPEG], None, Loss((9.0,), (JPEG,))),
        ([], [], Loss((5.0,), (J2K,)), Loss((5.0,), (J2K,))),
        ([9.0], [], Loss((5.0,), (J2K,)), Loss((9.0,), (J2K,))),
        ([], [JPEG], Loss((5.0,), (JPEG,)), Loss((5.0,), (JPEG,))),
        ([9.0, 2.0], [JPEG], Loss((5.0,), (J2K,)), None),
    ],
)
def test_the_transfer_syntax_fills_in_what_the_image_does_not_say(ratios, methods, now, wanted):
    assert loss_of(ratios, methods, now) == wanted


@pytest.mark.parametrize(("uid", "method"), [("81", "ISO_14495_1"), ("91", J2K), ("50", JPEG)])
def test_a_file_compressed_with_loss_is_told_so_with_its_ratio(uid, method, real, tmp_path):
    (path,) = real("cornerstone_one_ct_all_syntaxes").glob(f"*_1.2.840.10008.1.2.4.{uid}.dcm")
    dataset = pydicom.dcmread(path)
    dataset.LossyImageCompression = "01"
    for keyword in KEYWORDS:
        dataset.pop(keyword, None)
    dataset.save_as(tmp_path / "one.dcm")
    source = derive.read(tmp_path / "one.dcm")
    derive.build(source, IN_PLANES).write(tmp_path / "out")
    (image,) = (pydicom.dcmread(written) for written in each((tmp_path / "out").iterdir()))
    native = dataset.Rows * dataset.Columns * dataset.BitsAllocated / 8
    assert (image.LossyImageCompression, image.LossyImageCompressionMethod) == ("01", method)
    assert float(image.LossyImageCompressionRatio) == pytest.approx(native / len(dataset.PixelData), rel=0.01)
    assert "CHK-LOSSY" not in {f.code for f in derive.check(tmp_path / "out").findings}


def of_padding(value, limit=None):
    """A frame that was compressed with loss, and what its padding decodes to."""
    stored = np.full((2, 2), 900, np.int16)
    encoding = Encoding(1.0, 0.0, True, padding=value, padding_limit=limit)
    return EncodedFrame(stored, encoding, 900, 900, 0.0, 0, Codestream(b"", 0, 8, 3))


def test_padding_that_each_frame_has_a_value_of_its_own_for_is_a_range():
    """One of the values would make values of the padding of all other frames."""
    found = padding_of_all([of_padding(64), of_padding(65)], (500, 900))
    assert (found.padding, found.padding_limit) == (64, 65)
    same = padding_of_all([of_padding(64), of_padding(64)], (500, 900))
    assert (same.padding, same.padding_limit) == (64, None)
    with raises_code("VAL-PADDING-LOST"):
        padding_of_all([of_padding(64), of_padding(70)], (66, 900))
