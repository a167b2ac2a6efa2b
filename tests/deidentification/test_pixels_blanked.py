"""Blank inside, bit-equal outside: every kind of image, in every frame, in every syntax."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import ExplicitVRLittleEndian

from derive.deidentification.pixels.black import expanded
from derive.deidentification.pixels.box import Box
from derive.deidentification.pixels.plan import PixelPlan
from derive.pixels.area import outside
from tests.helpers.asserting import each, raises_code
from tests.helpers.burned_in import (
    BOX,
    COLUMNS,
    JPEG_2000,
    JPEG_LOSSLESS,
    JPEG_LS,
    KINDS,
    RLE,
    ROWS,
    SC,
    SEG,
    Kind,
    cleaned,
    dataset,
    drawn,
    samples_of,
)

PLAN = PixelPlan(boxes=(Box(*BOX),), ocr="off")
INSIDE = np.zeros((ROWS, COLUMNS), bool)
INSIDE[BOX[1] : BOX[1] + BOX[3], BOX[0] : BOX[0] + BOX[2]] = True
SYNTAXES = {
    "native": str(ExplicitVRLittleEndian),
    "RLE": RLE,
    "JPEG Lossless": JPEG_LOSSLESS,
    "JPEG-LS": JPEG_LS,
    "JPEG 2000": JPEG_2000,
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("syntax", SYNTAXES)
def test_inside_is_black_and_outside_is_bit_equal(kind, syntax):
    source = dataset(KINDS[kind], drawn(KINDS[kind]), SYNTAXES[syntax])
    result, after = cleaned(source, PLAN)
    was, now = samples_of(source), samples_of(after)
    assert (now[:, INSIDE] == KINDS[kind].black).all()
    assert np.array_equal(now[:, ~INSIDE], was[:, ~INSIDE])
    assert after.file_meta.TransferSyntaxUID == source.file_meta.TransferSyntaxUID
    assert result.vouched


def test_samples_by_plane():
    kind = KINDS["cine in colour"]
    values = drawn(kind)
    source = dataset(kind, values, PlanarConfiguration=1)
    source.PixelData = values.astype(np.uint8).transpose(0, 3, 1, 2).tobytes()
    _, after = cleaned(source, PLAN)
    now = samples_of(after)
    assert not now[:, INSIDE].any()
    assert np.array_equal(now[:, ~INSIDE], values[:, ~INSIDE])


def test_pixels_that_share_chrominance():
    kind = Kind("YBR_FULL_422", (0, 128, 128), 3, 8, 8)
    pairs = np.random.default_rng(4).integers(0, 256, (ROWS, COLUMNS // 2, 4)).astype(np.uint8)
    source = dataset(kind, drawn(kind))
    source.PixelData = pairs.tobytes()
    _, after = cleaned(source, PLAN)
    now = np.frombuffer(after.PixelData, np.uint8).reshape(pairs.shape)
    inside = INSIDE[:, ::2]
    assert (now[inside] == (0, 0, 128, 128)).all()
    assert np.array_equal(now[~inside], pairs[~inside])


def test_pixels_that_are_said_to_share_chrominance_and_do_not():
    kind = KINDS["US in YBR"]
    source = dataset(kind, drawn(kind), PhotometricInterpretation="YBR_FULL_422")
    _, after = cleaned(source, PLAN)
    now = np.frombuffer(after.PixelData, np.uint8).reshape(ROWS, COLUMNS, 3)
    assert (now[INSIDE] == (0, 128, 128)).all()
    assert np.array_equal(now[~INSIDE], drawn(kind)[0][~INSIDE])


@pytest.mark.parametrize("frames", [1, 3])
def test_single_bits(frames):
    bits = np.random.default_rng(5).integers(0, 2, (frames, ROWS, COLUMNS)).astype(np.uint8)
    source = dataset(Kind("MONOCHROME2", (0,), allocated=8, stored=1, frames=frames, sop_class=SC), bits[..., None])
    source.BitsAllocated, source.PixelData = 1, np.packbits(bits, bitorder="little").tobytes()
    _, after = cleaned(source, PLAN)
    now = np.unpackbits(np.frombuffer(after.PixelData, np.uint8), bitorder="little")[: bits.size].reshape(bits.shape)
    assert not now[:, INSIDE].any()
    assert np.array_equal(now[:, ~INSIDE], bits[:, ~INSIDE])


def test_big_endian_words():
    source = dcmread(io.BytesIO(_big_endian()))
    was = samples_of(source)
    _, after = cleaned_file(_big_endian())
    now = samples_of(after)
    assert (now[:, INSIDE] == -32768).all()
    assert np.array_equal(now[:, ~INSIDE], was[:, ~INSIDE])


def _big_endian() -> bytes:
    kind = KINDS["CT"]
    source = dataset(kind, drawn(kind))
    source.PixelData = drawn(kind).astype(">i2").tobytes()
    source.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.2"
    written = io.BytesIO()
    source.save_as(written, enforce_file_format=True, little_endian=False, implicit_vr=False)
    return written.getvalue()


def cleaned_file(data: bytes):
    """Of what is not written as it was read, the pixels alone are put into a data set of the other byte order."""
    from derive.deidentification.pixels.clean import clean_pixels
    from derive.rewriting.file import stored_file

    result = clean_pixels(stored_file("a test", lambda: io.BytesIO(data)), PLAN)
    kind = KINDS["CT"]
    after = dataset(kind, drawn(kind))
    after.PixelData = result.value
    return result, after


@pytest.mark.parametrize("quality", [50, 95])
@pytest.mark.parametrize("frames", [1, 3])
def test_jpeg_baseline_keeps_its_syntax(quality, frames):
    kind = Kind("MONOCHROME2", (0,), 1, 8, 8, frames=frames)
    source = dataset(kind, drawn(kind))
    coded = []
    for page in drawn(kind)[..., 0].astype(np.uint8):
        written = io.BytesIO()
        Image.fromarray(page).save(written, "JPEG", quality=quality)
        coded.append(written.getvalue())
    _encapsulated(source, coded, "1.2.840.10008.1.2.4.50")
    _, after = cleaned(source, PLAN)
    was, now = samples_of(source), samples_of(after)
    blank = np.zeros((ROWS, COLUMNS), bool)
    blank[BOX[1] // 8 * 8 : -(-(BOX[1] + BOX[3]) // 8) * 8, BOX[0] // 8 * 8 : -(-(BOX[0] + BOX[2]) // 8) * 8] = True
    assert after.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.4.50"
    assert not now[:, blank].any()
    assert np.array_equal(now[:, ~blank], was[:, ~blank])


def _encapsulated(ds: Dataset, frames: list[bytes], syntax: str) -> None:
    ds.PixelData = encapsulate(frames)
    ds["PixelData"].VR = "OB"
    ds.file_meta.TransferSyntaxUID = syntax


def test_what_is_lossy_otherwise_becomes_native_and_stays_marked():
    kind = KINDS["US in colour"]
    source = dataset(kind, drawn(kind))
    written = io.BytesIO()
    Image.fromarray(drawn(kind)[0].astype(np.uint8)).save(written, "JPEG2000", irreversible=True, no_jp2=True, mct=1)
    source.PhotometricInterpretation, source.LossyImageCompression = "YBR_ICT", "01"
    source.LossyImageCompressionRatio, source.LossyImageCompressionMethod = [10, 3], ["ISO_10918_1", "ISO_15444_1"]
    _encapsulated(source, [written.getvalue()], "1.2.840.10008.1.2.4.91")
    _, after = cleaned(source, PLAN)
    assert after.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    assert after.PhotometricInterpretation == "RGB"
    assert [*after.LossyImageCompressionRatio] == [10, 3]
    assert after.LossyImageCompression == "01"
    assert np.array_equal(samples_of(after)[:, ~INSIDE], samples_of(source)[:, ~INSIDE])


def test_loss_that_nobody_said_is_said():
    kind = Kind("MONOCHROME2", (0,), 1, 8, 8)
    source = dataset(kind, drawn(kind))
    written = io.BytesIO()
    Image.fromarray(drawn(kind)[0, ..., 0].astype(np.uint8)).save(written, "JPEG", progressive=True)
    _encapsulated(source, [written.getvalue()], "1.2.840.10008.1.2.4.50")
    _, after = cleaned(source, PLAN)
    assert after.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian, "progressive blocks are decoded"
    assert (after.LossyImageCompression, after.LossyImageCompressionMethod) == ("01", "ISO_10918_1")
    assert float(after.LossyImageCompressionRatio) > 1


def test_colour_that_jpeg_2000_transforms_stays_so():
    kind = Kind("RGB", (0, 0, 0), 3, 8, 8)
    source = dataset(kind, drawn(kind))
    written = io.BytesIO()
    Image.fromarray(drawn(kind)[0].astype(np.uint8)).save(written, "JPEG2000", irreversible=False, no_jp2=True, mct=1)
    source.PhotometricInterpretation = "YBR_RCT"
    _encapsulated(source, [written.getvalue()], JPEG_2000)
    _, after = cleaned(source, PLAN)
    assert (after.PhotometricInterpretation, after.file_meta.TransferSyntaxUID) == ("YBR_RCT", JPEG_2000)
    assert np.array_equal(after.pixel_array[~INSIDE], drawn(kind)[0][~INSIDE])
    assert not after.pixel_array[INSIDE].any()


@pytest.mark.parametrize("syntax", ["native", "RLE"])
def test_overlays_in_unused_bits_go_and_samples_stay(syntax):
    kind = KINDS["MR of 12 bits"]
    source = dataset(kind, drawn(kind))
    words = drawn(kind).astype("<u2")
    words[0, 10:30, 10:30, 0] |= 1 << 13
    if syntax == "RLE":
        whole = Kind("MONOCHROME2", (0,))
        source = dataset(whole, words, RLE)
        source.BitsStored, source.HighBit = 12, 11
    else:
        source.PixelData = words.tobytes()
    source.add_new(0x60000100, "US", 16)
    source.add_new(0x60000102, "US", 13)
    result, after = cleaned(source, PixelPlan(ocr="off"))
    assert [risk.name for risk in result.risks] == ["overlay-bits"]
    now = np.asarray(after.pixel_array)
    assert np.array_equal(now & 0xFFF, words[0, ..., 0] & 0xFFF)
    assert not (now & 1 << 13).any()


def test_least_and_greatest_value_and_icon_follow():
    kind = KINDS["CT"]
    icon = Dataset()
    icon.Rows = icon.Columns = 1
    values = np.full_like(drawn(kind), 500)
    values[0, BOX[1], BOX[0]] = 900
    source = dataset(kind, values, SmallestImagePixelValue=500, LargestImagePixelValue=900, IconImageSequence=[icon])
    source.add_new(0x00280108, "SS", 1)
    _, after = cleaned(source, PLAN)
    assert (after.SmallestImagePixelValue, after.LargestImagePixelValue) == (-32768, 500)
    assert "IconImageSequence" not in after
    assert 0x00280108 not in after


def test_padding_is_no_least_value():
    kind = KINDS["CT"]
    source = dataset(kind, np.full_like(drawn(kind), 500), SmallestImagePixelValue=1, PixelPaddingValue=-32768)
    _, after = cleaned(source, PLAN)
    assert after.SmallestImagePixelValue == 500


def test_labels_are_no_picture():
    kind = Kind("MONOCHROME2", (0,), allocated=8, stored=8, sop_class=SEG)
    result, _ = cleaned(dataset(kind, drawn(kind)), PLAN)
    assert not result.changed


def test_nothing_is_blanked_where_nobody_says_what_black_is():
    kind = KINDS["MR"]
    with raises_code("DEID-PHOTOMETRIC"):
        cleaned(dataset(kind, drawn(kind), PhotometricInterpretation="SOMETHING"), PLAN)


def test_pixels_that_are_cut_short_are_refused():
    source = dataset(KINDS["MR"], drawn(KINDS["MR"]))
    source.PixelData = source.PixelData[:-200]
    with raises_code("VAL-TRUNCATED"):
        cleaned(source, PLAN)


@pytest.mark.parametrize("text", ["", "1,2,3", "0,0,0,5", "a,b,c,d", "0,0,5,-5", "0,0,640,40,1", "1.5,0,4,4"])
def test_a_box_that_is_none(text):
    with raises_code("DEID-BOX"):
        Box.parse(text)


@pytest.mark.parametrize("text", ["96,0,5,5", "0,64,5,5", "-200,0,5,5"])
def test_a_box_outside_of_the_image_is_refused(text):
    plan = PixelPlan(boxes=(Box.parse(text),), ocr="off")
    with raises_code("DEID-BOX"):
        cleaned(dataset(KINDS["MR"], drawn(KINDS["MR"])), plan)


@pytest.mark.parametrize(("text", "rows", "columns"), [
    ("-10,-8,*,*", slice(-8, None), slice(-10, None)),
    ("0,0,2000,3", slice(0, 3), slice(None)),
    ("(90, 60, 50, 50)", slice(60, None), slice(90, None)),
])  # fmt: skip
def test_boxes_from_the_far_edge_and_over_it(text, rows, columns):
    kind = KINDS["MR"]
    _, after = cleaned(dataset(kind, drawn(kind)), PixelPlan(boxes=(Box.parse(text),), ocr="off"))
    blank = np.zeros((ROWS, COLUMNS), bool)
    blank[rows, columns] = True
    now = samples_of(after)[0, ..., 0]
    assert not now[blank].any()
    assert np.array_equal(now[~blank], drawn(kind)[0, ..., 0][~blank])


def test_outside_is_all_that_is_not_kept():
    random = np.random.default_rng(6)
    for _ in each(range(50)):
        kept = [_random_area(random) for _ in range(random.integers(0, 5))]
        wanted = np.ones((ROWS, COLUMNS), bool)
        for area in kept:
            wanted[area.top : area.bottom, area.left : area.right] = False
        count = np.zeros((ROWS, COLUMNS), int)
        for area in outside(kept, COLUMNS, ROWS):
            count[area.top : area.bottom, area.left : area.right] += 1
        assert np.array_equal(count, wanted.astype(int))


def _random_area(random):
    from derive.pixels.area import Area

    left, top = int(random.integers(0, COLUMNS - 1)), int(random.integers(0, ROWS - 1))
    return Area(left, top, int(random.integers(left + 1, COLUMNS + 1)), int(random.integers(top + 1, ROWS + 1)))


@pytest.mark.parametrize(("words", "values"), [
    ([0, 3, 9, 8, 7], [9, 8, 7]),
    ([0, 1, 4, 1, 4, 8], [4, 5, 6, 7, 8]),
    ([0, 2, 1, 2, 2, 1, 0, 0], [1, 2, 1, 2]),
    ([7, 1, 1], []),
])  # fmt: skip
def test_segmented_palettes(words, values):
    assert expanded(words) == values


def test_a_frame_of_another_size_than_stated_is_refused():
    kind = Kind("MONOCHROME2", (0,), 1, 8, 8)
    source = dataset(kind, drawn(kind))
    written = io.BytesIO()
    Image.fromarray(np.zeros((ROWS + 8, COLUMNS), np.uint8)).save(written, "JPEG")
    _encapsulated(source, [written.getvalue()], "1.2.840.10008.1.2.4.50")
    with raises_code("VAL-DECODE"):
        cleaned(source, PLAN)


def test_comments_in_frames_go_and_samples_stay():
    kind = Kind("MONOCHROME2", (0,), 1, 8, 8)
    source = dataset(kind, drawn(kind))
    written = io.BytesIO()
    Image.fromarray(drawn(kind)[0, ..., 0].astype(np.uint8)).save(written, "JPEG", comment=b"DOE^JANE")
    _encapsulated(source, [written.getvalue()], "1.2.840.10008.1.2.4.50")
    result, after = cleaned(source, PixelPlan(ocr="off"))
    assert b"DOE" not in after.PixelData
    assert [risk.name for risk in result.risks] == ["comments"]
    assert np.array_equal(samples_of(after), samples_of(source))
