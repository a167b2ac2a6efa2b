"""What is sent where the archive does not take the transfer syntax: the encoding changes, and nothing else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.dataset import FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
)

from derive.errors import SourceError, ValuesError
from derive.pacs.dimse.contexts import FALLBACKS
from derive.pacs.dimse.transcode import data_set, recoded
from derive.pacs.sendable import Sendable
from tests.helpers.asserting import raises_code
from tests.helpers.dimse_peers import (
    address_of,
    all_stored,
    archive,
    send,
    series,
)
from tests.helpers.servers import storescp

EXPLICIT, IMPLICIT = FALLBACKS


#: Every way of encoding that pydicom's own test files have, small ones.
SOURCES = {
    "implicit": "MR_small_implicit.dcm",
    "explicit": "MR_small.dcm",
    "big endian": "MR_small_bigendian.dcm",
    "deflated": "image_dfl.dcm",
    "RLE": "MR_small_RLE.dcm",
    "RLE, 32 bits, two frames": "SC_rgb_rle_32bit_2frame.dcm",
    "JPEG 2000": "MR_small_jp2klossless.dcm",
    "JPEG-LS": "MR_small_jpeg_ls_lossless.dcm",
    "JPEG-LS near-lossless": "JPEGLSNearLossless_16.dcm",
    "JPEG lossless": "SC_rgb_jpeg_gdcm.dcm",
    "JPEG lossy, colour": "SC_rgb_small_odd_jpeg.dcm",
    "JPEG lossy, subsampled": "SC_rgb_dcmtk_+eb+cy+s2.dcm",
    "big endian, odd": "SC_rgb_small_odd_big_endian.dcm",
    "big endian, 32 bits": "rtdose_expb.dcm",
    "plan": "rtplan.dcm",
    "report": "reportsi.dcm",
    "private sequences": "nested_priv_SQ.dcm",
}


def source(name) -> Sendable:
    path = get_testdata_file(SOURCES[name], download=False)
    if path is None:
        pytest.skip(f"{SOURCES[name]} does not come with this pydicom")
    dataset = dcmread(path)
    named = (dataset.get(k, f"1.2.3.{i}") for i, k in enumerate(("SOPClassUID", "SOPInstanceUID")))
    return Sendable(*map(str, named), "1.2.3", "1.2.4", str(dataset.file_meta.TransferSyntaxUID), path=Path(path))


@pytest.mark.parametrize("target", [EXPLICIT, IMPLICIT], ids=["explicit", "implicit"])
@pytest.mark.parametrize("name", SOURCES)
def test_nothing_but_the_encoding_changes(name, target):
    sendable = source(name)
    before = dcmread(DicomBytesIO(sendable.read()))
    after = _decoded(recoded(sendable.read(), target), target)
    compressed = before.file_meta.TransferSyntaxUID.is_compressed
    described = {"PixelData", "PhotometricInterpretation", "PlanarConfiguration", "NumberOfFrames"}
    for element in before:
        if element.tag.element == 0 or (compressed and element.keyword in described):
            continue
        again = after[element.tag]
        if element.tag.is_private and target == IMPLICIT:
            continue  # has no VR any more
        if element.VR in ("OW", "OB") and before.file_meta.TransferSyntaxUID == ExplicitVRBigEndian:
            continue  # held against below, as numbers
        assert again.value == element.value, element.keyword
    if "Rows" in before:
        assert np.array_equal(_pixels(after), _pixels(before))
        assert len(after.PixelData) == -(-_pixels(before).nbytes // 2) * 2
    assert after.get("SOPInstanceUID") == before.get("SOPInstanceUID")
    assert after.get("LossyImageCompression") == before.get("LossyImageCompression")


def _decoded(data, syntax):
    dataset = read_dataset(DicomBytesIO(data), syntax == IMPLICIT, True)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    return dataset


def _pixels(dataset):
    """Samples as they are stored or decoded, in the colour space that the data set names."""
    dataset.pixel_array_options(raw=False, as_rgb=False)
    return dataset.pixel_array


@pytest.mark.parametrize("name", ["RLE", "JPEG 2000", "JPEG-LS", "big endian", "deflated"])
def test_an_archive_that_takes_implicit_only_gets_compressed_images_decompressed(tmp_path, name):
    sendable = source(name)
    with storescp(tmp_path, "+xi", "+B") as server:
        assert all_stored(send(address_of(server), [sendable]))
        (path,) = (tmp_path / "in").iterdir()
    stored, before = dcmread(path), dcmread(DicomBytesIO(sendable.read()))
    assert stored.file_meta.TransferSyntaxUID == IMPLICIT
    assert stored.SOPInstanceUID == before.SOPInstanceUID == sendable.sop_instance_uid
    assert np.array_equal(stored.pixel_array, before.pixel_array)


@pytest.mark.parametrize(
    ("taken", "expected"),
    [
        ([str(JPEG2000Lossless), EXPLICIT, IMPLICIT], str(JPEG2000Lossless)),
        ([EXPLICIT, IMPLICIT], EXPLICIT),
        ([IMPLICIT], IMPLICIT),
    ],
)
def test_the_own_syntax_is_used_before_any_other(taken, expected):
    sendable = source("JPEG 2000")
    with archive(syntaxes=taken) as peer:
        assert all_stored(send(peer.address(), [sendable]))
        assert peer.syntaxes == {sendable.sop_instance_uid: expected}


@pytest.mark.parametrize(("name", "syntax"), [("JPGExtended.dcm", b"4.51"), ("MR_small_jp2klossless.dcm", b"4.99")])
def test_what_no_decoder_has_right_is_refused(name, syntax):
    data = Path(get_testdata_file(name, download=False)).read_bytes().replace(b"10008.1.2.4.90", b"10008.1.2." + syntax)
    with pytest.raises(ValuesError, match="cannot be encoded as Implicit VR Little Endian"):
        recoded(data, IMPLICIT)


def test_text_that_is_not_in_its_character_set_stays_byte_for_byte(tmp_path):
    (dataset,) = series(1)
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.SeriesDescription = "XXXXXXXX"
    data = Sendable.of_dataset(dataset).data.replace(b"XXXXXXXX", b"M\xfcller\xff ")
    assert b"M\xfcller\xff " in recoded(data, IMPLICIT)


def test_what_could_only_be_written_with_another_text_is_not_written():
    (dataset,) = series(1)
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.SeriesDescription = "XXXXXXXX"
    dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    data = Sendable.of_dataset(dataset).data.replace(b"XXXXXXXX", b"M\xfcller\xff ")
    with pytest.raises(ValuesError, match="SeriesDescription would change"):
        recoded(data, EXPLICIT)


@pytest.mark.parametrize("data", [b"", b"x" * 200, b"\0" * 128 + b"DICM", b"\0" * 128 + b"DICM\x02\0\x10\0UI"])
def test_what_is_no_file_has_no_data_set(data):
    with raises_code("SRC-UNREADABLE", SourceError):
        data_set(data)


@pytest.mark.parametrize("name", ["implicit", "deflated", "RLE"])
def test_the_data_set_begins_after_the_file_meta_information(name):
    sendable = source(name)
    content = sendable.read()
    tail = bytes(data_set(content))
    assert content.endswith(tail)
    if name != "deflated":
        assert tail[:2] == b"\x08\0"


def test_deflated_is_sent_deflated():
    sendable = source("deflated")
    with archive(classes=[sendable.sop_class_uid], syntaxes=[str(DeflatedExplicitVRLittleEndian)]) as peer:
        assert all_stored(send(peer.address(), [sendable]))
        assert peer.stored[sendable.sop_instance_uid] == bytes(data_set(sendable.read()))
