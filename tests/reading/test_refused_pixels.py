"""Files and pixels that cannot be read, and pixels that are no values, are refused, each by its code."""

from __future__ import annotations

from collections import Counter

import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian

from derive.errors import DeriveError, SourceError, ValuesError
from derive.reading.read import read
from tests.helpers.refusals import CT, MR, PET, only, refused
from tests.helpers.source_files import copied, save

SYNTAXES = "cornerstone_one_ct_all_syntaxes"


# What cannot be read


def test_a_damaged_file(changed):
    files = changed(lambda d, i: None)
    data = bytearray(files[1].read_bytes())
    data[400:800] = b"\xff" * 400
    files[1].write_bytes(data)
    with pytest.raises(DeriveError) as caught:
        read(files)
    assert caught.value.code in {"SRC-UNREADABLE", "SRC-NOPIXELS", "SRC-VALUE", "SRC-UID"}
    assert "001.dcm" in str(caught.value)


def test_a_file_that_ends_in_its_header(changed):
    files = changed(lambda d, i: None)
    files[2].write_bytes(files[2].read_bytes()[:700])
    with pytest.raises(DeriveError) as caught:
        read(files)
    assert caught.value.code in {"SRC-UNREADABLE", "SRC-NOPIXELS", "SRC-SERIES"}


def test_every_way_to_cut_a_file_short_is_refused(changed, tmp_path):
    (whole,) = changed(lambda d, i: None, count=1)
    data = whole.read_bytes()
    path, codes = tmp_path / "cut.dcm", Counter()
    for size in [*range(0, 3000, 97), len(data) // 2, len(data) - 1]:
        path.write_bytes(data[:size])
        with pytest.raises(DeriveError) as caught:
            read(path)
        codes[caught.value.code] += 1
    assert codes.keys() == {"SRC-NONE", "SRC-UID", "SRC-UNREADABLE", "SRC-NOPIXELS", "VAL-TRUNCATED"}
    assert codes["VAL-TRUNCATED"] >= 2


def test_no_pixel_data(real, changed):
    refused(real("pydicom_test_files/test_files/dicomdirtests/TINY_ALPHA"), "SRC-NOPIXELS")
    assert "002.dcm" in refused(changed(only(2, PixelData=None)), "SRC-NOPIXELS").message


def test_pixels_that_were_cut_short(real, changed):
    error = refused(real("pydicom_test_files/test_files/MR_truncated.dcm"), "VAL-TRUNCATED")
    assert "8192" in error.message
    assert "8130" in error.message
    files = changed(only(1, PixelData=b"\0" * 1000))
    assert "001.dcm" in refused(files, "VAL-TRUNCATED").message


@pytest.mark.parametrize("uid", ["4.90", "4.80", "4.70", "5"])
@pytest.mark.parametrize("left", [0.5, 0.98])
def test_compressed_pixels_that_were_cut_short(real, tmp_path, uid, left):
    (source,) = real(SYNTAXES).glob(f"*_1.2.840.10008.1.2.{uid}.dcm")
    data = source.read_bytes()
    (tmp_path / "cut.dcm").write_bytes(data[: int(len(data) * left)])
    refused(tmp_path / "cut.dcm", "VAL-TRUNCATED")


@pytest.mark.parametrize("uid", ["4.90", "4.80", "4.70"])
def test_a_codestream_without_its_end(real, tmp_path, uid):
    (source,) = real(SYNTAXES).glob(f"*_1.2.840.10008.1.2.{uid}.dcm")

    def cut(dataset, index):
        (frame,) = pydicom.encaps.generate_frames(dataset.PixelData, number_of_frames=1)
        dataset.PixelData = pydicom.encaps.encapsulate([frame[: len(frame) // 2]])

    refused(copied([source], tmp_path / "s", cut), "VAL-TRUNCATED")


@pytest.mark.parametrize("uid", ["4.90", "4.80", "4.70"])
def test_a_compressed_image_of_another_size(real, tmp_path, uid):
    (source,) = real(SYNTAXES).glob(f"*_1.2.840.10008.1.2.{uid}.dcm")
    files = copied([source], tmp_path / "s", lambda d, i: d.__setattr__("Columns", 511))
    assert "512 columns" in refused(files, "VAL-DECODE").message


def test_a_damaged_codestream_is_refused_when_it_is_decoded(real, tmp_path):
    (source,) = real(SYNTAXES).glob("*_1.2.840.10008.1.2.5.dcm")

    def damage(dataset, index):
        (frame,) = pydicom.encaps.generate_frames(dataset.PixelData, number_of_frames=1)
        dataset.PixelData = pydicom.encaps.encapsulate([frame[:64] + b"\x81\x00" * 9000])

    (instance,) = read(copied([source], tmp_path / "s", damage)).frames
    with pytest.raises(ValuesError, match="VAL-DECODE"):
        instance.stored_values()


@pytest.mark.parametrize("uid", ["51", "53", "55"])
def test_transfer_syntaxes_without_a_decoder_that_is_right(real, uid):
    (path,) = real(SYNTAXES).glob(f"*_1.2.840.10008.1.2.4.{uid}.dcm")
    assert f"1.2.840.10008.1.2.4.{uid}" in refused(path, "SRC-SYNTAX").message


@pytest.mark.parametrize("uid", ["1.2.3.4", "1.2.840.10008.1.2.4.90"])
def test_a_transfer_syntax_that_is_unknown_or_untrue(changed, uid):
    files = changed(lambda d, i: None, count=1)
    dataset = pydicom.dcmread(files[0])
    data = files[0].read_bytes()
    old = dataset.file_meta.TransferSyntaxUID.encode()
    assert data.count(old) == 1
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    save(dataset, files[0], implicit_vr=False, little_endian=True)
    data = files[0].read_bytes()
    start = data.find(b"\x02\x00\x10\x00UI")
    length = int.from_bytes(data[start + 6 : start + 8], "little")
    value = uid.encode() + b"\0" * (len(uid) % 2)
    data = data[: start + 6] + len(value).to_bytes(2, "little") + value + data[start + 8 + length :]
    group = int.from_bytes(data[140:144], "little") + len(value) - length
    files[0].write_bytes(data[:140] + group.to_bytes(4, "little") + data[144:])
    assert uid in refused(files, "SRC-SYNTAX").message


def test_a_file_that_changed_after_its_header_was_read(changed):
    files = changed(lambda d, i: None)
    series = read(files)
    with files[1].open("ab") as stream:
        stream.write(b"\0\0")
    with pytest.raises(SourceError, match=r"SRC-CHANGED: 001\.dcm"):
        series.frames[1].stored_values()
    series.frames[0].stored_values()


# What has no values


def test_colour(changed):
    refused(changed(only(0, PhotometricInterpretation="PALETTE COLOR")), "VAL-COLOUR")
    refused(changed(only(0, PhotometricInterpretation="RGB", SamplesPerPixel=3)), "VAL-COLOUR")


@pytest.mark.parametrize(
    "attributes",
    [{"BitsAllocated": 12}, {"BitsStored": 17}, {"HighBit": 3}, {"PixelRepresentation": 2}, {"Rows": 0}],
)
def test_bits_that_make_no_sense(changed, attributes):
    refused(changed(only(1, **attributes)), "VAL-BITS")


def test_more_bits_than_float32_holds(changed):
    def wide(dataset, index):
        dataset.PixelData = dataset.pixel_array.astype("<i4").tobytes()
        dataset.BitsAllocated = dataset.BitsStored = 32
        dataset.HighBit = 31

    refused(changed(wide), "VAL-BITS")


@pytest.mark.parametrize("folder", [CT, PET])
@pytest.mark.parametrize("attributes", [{"RescaleSlope": None}, {"RescaleIntercept": None}, {"RescaleSlope": 0}])
def test_rescale_that_is_missing_or_zero(changed, folder, attributes):
    refused(changed(only(1, **attributes), folder=folder), "VAL-RESCALE")


def test_rescale_on_some_mr_images_only(changed):
    error = refused(changed(only(1, RescaleSlope=2, RescaleIntercept=0), folder=MR), "VAL-RESCALE")
    assert "3 of 4" in error.message


def test_a_modality_lut(changed):
    def add(dataset, index):
        item = Dataset()
        item.LUTDescriptor, item.ModalityLUTType, item.LUTData = [2, 0, 16], "HU", [0, 1]
        item["LUTDescriptor"].VR = "US"
        item["LUTData"].VR = "US"
        dataset.ModalityLUTSequence = [item]
        del dataset.RescaleSlope, dataset.RescaleIntercept

    refused(changed(add), "VAL-LUT")
