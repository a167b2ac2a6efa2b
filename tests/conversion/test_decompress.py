"""Objects with native pixels, or compressed in another way: the same values, and nothing else that is other."""

from __future__ import annotations

import io
import json
import subprocess
from shutil import which

import numpy as np
import pydicom
import pytest
from pydicom.encaps import encapsulate
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGBaseline8Bit,
    RLELossless,
)

import derive
from derive.cli.main import main
from derive.pixels.compressions import is_installed, rows
from tests.helpers.asserting import each, every, raises_code
from tests.helpers.multi_frame import multi_frame
from tests.helpers.sources import make_series

METHODS = [
    pytest.param(name, marks=pytest.mark.skipif(not is_installed(row), reason=f"needs {' '.join(row.needs)}"))
    for (name, lossy), row in rows().items()
    if not lossy
]


def as_bytes(dataset):
    """A file, as it is written."""
    written = io.BytesIO()
    dataset.save_as(written, enforce_file_format=True)
    return written.getvalue()


def bytes_before_pixels(data):
    """What stands before Pixel Data, File Meta Information left out."""
    dataset = pydicom.dcmread(io.BytesIO(data), stop_before_pixels=True)
    return {e.tag: (e.VR, dataset.get_item(e.tag).value) for e in dataset}


@pytest.fixture
def originals(tmp_path):
    folder = tmp_path / "source"
    folder.mkdir()
    for k, dataset in enumerate([*make_series("CT", count=3, shape=(40, 33)), multi_frame(shape=(40, 33), slices=4)]):
        (folder / f"{k}.dcm").write_bytes(as_bytes(dataset))
    return folder


@pytest.mark.parametrize("method", METHODS)
def test_there_and_back_is_the_same_file(method, originals, tmp_path):
    packed = derive.decompress(originals, compress=method).write(tmp_path / "packed")
    native = derive.decompress(tmp_path / "packed").write(tmp_path / "native")
    assert packed.changed == native.changed == packed.count == 4
    for file in each(originals.iterdir()):
        before, between, after = ((f / file.name).read_bytes() for f in (originals, packed.folder, native.folder))
        assert before == after
        found, was = (pydicom.dcmread(io.BytesIO(data)) for data in (between, before))
        assert found.file_meta.TransferSyntaxUID == rows()[method, False].transfer_syntax
        assert np.array_equal(found.pixel_array, was.pixel_array)
        assert bytes_before_pixels(between) == bytes_before_pixels(before)


def test_what_is_native_stays_byte_for_byte(originals, tmp_path):
    report = derive.decompress(originals).write(tmp_path / "o")
    assert report.changed == 0
    assert every((tmp_path / "o" / f.name).read_bytes() == f.read_bytes() for f in originals.iterdir())


def test_implicit_values_are_of_the_sign_of_the_pixels():
    (dataset,) = make_series("CT", count=1, shape=(40, 33))
    dataset.PixelPaddingValue = -2000
    dataset["PixelPaddingValue"].VR = "SS"
    dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    data = as_bytes(pydicom.dcmread(io.BytesIO(_implicit(dataset))))
    (made,) = derive.decompress([pydicom.dcmread(io.BytesIO(data))], compress="rle").instances()
    assert dataset.PixelRepresentation == 1
    assert (made["PixelPaddingValue"].VR, made.PixelPaddingValue) == ("SS", -2000)
    assert made.file_meta.TransferSyntaxUID == RLELossless


def _implicit(dataset):
    written = io.BytesIO()
    dataset.save_as(written, implicit_vr=True, little_endian=True, enforce_file_format=True)
    return written.getvalue()


def jpeg_in_colour(frames=1):
    from PIL import Image

    y, x = np.mgrid[:32, :48]
    data = []
    for k in range(frames):
        written = io.BytesIO()
        picture = np.stack([y * 7, x * 5, 40 * k + y], axis=-1).astype(np.uint8)
        Image.fromarray(picture).save(written, "JPEG", quality=90, subsampling="4:2:2")
        data.append(written.getvalue())
    (dataset,) = make_series("CT", count=1, shape=(32, 48))
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.7.4"
    dataset.NumberOfFrames, dataset.SamplesPerPixel, dataset.PlanarConfiguration = frames, 3, 0
    dataset.PhotometricInterpretation = "YBR_FULL_422"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 8, 8, 7, 0
    dataset.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    dataset.PixelData = encapsulate(data)
    dataset["PixelData"].VR = "OB"
    return dataset


@pytest.mark.parametrize("frames", [1, 3])
def test_jpeg_in_colour_has_the_values_of_other_decoders_and_stays_marked_lossy(frames, tmp_path):
    dataset = pydicom.dcmread(io.BytesIO(as_bytes(jpeg_in_colour(frames))))
    (made,) = derive.decompress([dataset]).instances()
    assert made.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    assert made.PhotometricInterpretation == "YBR_FULL"  # as decoded: every pixel has its own chrominance
    assert made.SOPInstanceUID == dataset.SOPInstanceUID
    assert (made.LossyImageCompression, made.LossyImageCompressionMethod) == ("01", "ISO_10918_1")
    dataset.pixel_array_options(decoding_plugin="pillow")
    apart = np.abs(made.pixel_array.astype(int) - dataset.pixel_array)
    assert apart.max() <= 2  # of R G B behind two conversions
    assert len(made.PixelData) == frames * 32 * 48 * 3


@pytest.mark.skipif(which("dcmdjpeg") is None, reason="dcmtk is not installed")
def test_dcmtk_decodes_the_same_jpeg(tmp_path):
    (tmp_path / "in.dcm").write_bytes(as_bytes(jpeg_in_colour()))
    subprocess.run(["dcmdjpeg", "+cn", str(tmp_path / "in.dcm"), str(tmp_path / "theirs.dcm")], check=True)
    (made,) = derive.decompress(tmp_path / "in.dcm").instances()
    theirs = pydicom.dcmread(tmp_path / "theirs.dcm")
    assert np.array_equal(np.frombuffer(theirs.PixelData, np.uint8), np.frombuffer(made.PixelData, np.uint8))


def test_a_deflated_object_is_inflated(originals, tmp_path):
    report = derive.decompress(originals, compress="deflated").write(tmp_path / "deflated")
    first = next((tmp_path / "deflated").iterdir())
    assert pydicom.dcmread(first).file_meta.TransferSyntaxUID == DeflatedExplicitVRLittleEndian
    (made,) = derive.decompress(first).instances()
    assert made.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    assert report.changed == 4


@pytest.mark.parametrize(
    ("cut", "code"), [("stream", "SRC-UNREADABLE"), ("frames", "VAL-TRUNCATED"), ("rows", "VAL-DECODE")]
)
def test_damaged_pixels_are_refused_and_nothing_is_written(cut, code, tmp_path):
    dataset = jpeg_in_colour(2)
    if cut == "stream":
        dataset.PixelData = dataset.PixelData[: len(dataset.PixelData) // 2]
    elif cut == "frames":
        dataset.NumberOfFrames = 5
    else:
        dataset.Rows = 31
    with raises_code(code):
        derive.decompress([dataset]).write(tmp_path / "o")
    assert not (tmp_path / "o").exists()


def test_what_a_method_cannot_say_is_refused_by_name(tmp_path):
    with pytest.raises(derive.ValuesError, match=r"VAL-COMPRESS.*wanted deflated"):
        derive.decompress([jpeg_in_colour()], compress="rle").write(tmp_path / "o")
    with raises_code("OPT-COMPRESS", derive.UsageError):
        derive.decompress([jpeg_in_colour()], compress="jpeg")


def test_the_command_says_how_many(originals, tmp_path, capsys):
    assert main(["decompress", str(originals), "-o", str(tmp_path / "rle"), "--compress", "rle", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["objects"], told["changed"], told["method"]) == (4, 4, "rle")
    assert main(["decompress", str(tmp_path / "rle"), "-o", str(tmp_path / "native")]) == 0
    assert "decompressed: 4 of 4 objects" in capsys.readouterr().out


def test_real_compressed_files_have_the_values_of_a_third_decoder(real):
    refused, same = [], 0
    for file in each(sorted(real("cornerstone_one_ct_all_syntaxes").glob("*.dcm")), at_least=10):
        source = pydicom.dcmread(file)
        syntax = source.file_meta.TransferSyntaxUID
        if not syntax.is_encapsulated:
            continue
        try:
            (made,) = derive.decompress(file).instances()
        except derive.SourceError as error:
            refused.append(error.code)
            continue
        decoder = pydicom.pixels.get_decoder(syntax)
        others = [p for p in decoder.available_plugins if p != "gdcm"] or ["gdcm"]
        wanted, _ = decoder.as_array(source, raw=True, decoding_plugin=others[0])
        assert np.array_equal(np.asarray(wanted).reshape(-1), np.frombuffer(made.PixelData, wanted.dtype)), file.name
        same += 1
    assert same >= 6
    assert set(refused) <= {"SRC-SYNTAX"}


def with_icon():
    """An object of which an icon is compressed as it is."""
    (dataset,) = make_series("CT", count=1, shape=(40, 33))
    dataset.compress(RLELossless)
    icon = pydicom.Dataset()
    icon.Rows = icon.Columns = 2
    icon.SamplesPerPixel, icon.PhotometricInterpretation = 1, "MONOCHROME2"
    icon.BitsAllocated = icon.BitsStored = 8
    icon.HighBit, icon.PixelRepresentation = 7, 0
    icon.add_new("PixelData", "OB", encapsulate([b"\1" + b"\0" * 3 + b"\x40" + b"\0" * 59 + b"\3\0\1\2\3"]))
    icon["PixelData"].is_undefined_length = True
    dataset.IconImageSequence = [icon]
    return dataset


@pytest.mark.parametrize("method", [None, "deflated", "rle"])
def test_an_icon_is_in_the_transfer_syntax_of_its_object(method, tmp_path):
    """In another one nobody could read it."""
    (tmp_path / "a.dcm").write_bytes(as_bytes(with_icon()))
    if method == "rle":
        derive.decompress(tmp_path / "a.dcm", compress=method).write(tmp_path / "out")
        assert (tmp_path / "out" / "a.dcm").read_bytes() == (tmp_path / "a.dcm").read_bytes()
        return
    with raises_code("SRC-SYNTAX"):
        derive.decompress(tmp_path / "a.dcm", compress=method).write(tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("method", ["jpeg-ls", "rle"])
def test_single_bits_beside_others_stay_as_they_are(method, originals, tmp_path):
    bits = np.arange(3 * 3 * 3) % 2 == 0
    mask = make_series("CT", count=1, shape=(3, 3))[0]
    mask.SOPClassUID = mask.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.66.4"
    mask.SOPInstanceUID = mask.file_meta.MediaStorageSOPInstanceUID = "1.2.3.4"
    mask.NumberOfFrames, mask.BitsAllocated, mask.BitsStored, mask.HighBit, mask.PixelRepresentation = 3, 1, 1, 0, 0
    mask.PixelData = np.packbits(bits, bitorder="little").tobytes()
    (originals / "mask.dcm").write_bytes(as_bytes(mask))
    report = derive.decompress(originals, compress=method).write(tmp_path / "out")
    assert report.count == report.changed + 1
    assert (tmp_path / "out" / "mask.dcm").read_bytes() == (originals / "mask.dcm").read_bytes()
