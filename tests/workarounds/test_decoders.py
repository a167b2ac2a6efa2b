"""GDCM 3.0.24 (python-gdcm), and the GDCM inside of SimpleITK 2.5: what they get wrong in silence is refused."""

from __future__ import annotations

import io
import subprocess
import sys

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    ExplicitVRLittleEndian,
    JPEGLSLossless,
    MultiFrameSingleBitSecondaryCaptureImageStorage,
)

from tests.helpers.sources import make_series

DECODE = """
import sys
import numpy as np
from pydicom import dcmread
dataset = dcmread(sys.argv[1])
dataset.pixel_array_options(decoding_plugin="gdcm")
np.save(sys.argv[2], dataset.pixel_array)
"""


def decoded(dataset, tmp_path):
    """What GDCM makes of an image, in a process of its own; None where it fails, with the process or without."""
    dataset.save_as(tmp_path / "image.dcm", enforce_file_format=True)
    arguments = [sys.executable, "-c", DECODE, str(tmp_path / "image.dcm"), str(tmp_path / "pixels.npy")]
    found = subprocess.run(arguments, capture_output=True)
    return found.returncode, np.load(tmp_path / "pixels.npy") if found.returncode == 0 else None


def test_jpeg_ls_of_another_size_is_sheared_or_ends_the_process(tmp_path):
    """Once it is an error each time: `codestream` need not look at JPEG-LS."""
    pytest.importorskip("jpeg_ls", reason="pyjpegls encodes what GDCM decodes")
    (dataset,) = make_series(count=1, shape=(32, 40))
    dataset.PixelData = np.arange(32 * 40, dtype="<u2").tobytes()
    dataset.compress(JPEGLSLossless, encoding_plugin="pyjpegls", generate_instance_uid=False)
    code, right = decoded(dataset, tmp_path)
    assert code == 0
    harms = []
    for rows, columns in ((40, 32), (16, 80), (33, 40), (32, 41), (64, 40)):
        dataset.Rows, dataset.Columns = rows, columns
        code, found = decoded(dataset, tmp_path)
        harms.append("ended" if code < 0 else "sheared" if code == 0 else "refused")
        assert found is None or found.shape == (rows, columns) != right.shape
    assert set(harms) & {"ended", "sheared"}, harms


def test_jpeg_ls_of_fewer_than_8_bits_is_wrong(tmp_path):
    """Once it is right: the least Bits Stored of JPEG-LS in `codecs.CODECS` can be 1."""
    pytest.importorskip("jpeg_ls", reason="pyjpegls encodes what GDCM decodes")
    (dataset,) = make_series(count=1, shape=(32, 40))
    values = (np.arange(32 * 40, dtype="<u2") % 64).reshape(32, 40).astype(np.uint8)
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 8, 6, 5, 0
    dataset.PixelData = values.tobytes()
    dataset["PixelData"].VR = "OB"
    dataset.compress(JPEGLSLossless, encoding_plugin="pyjpegls", generate_instance_uid=False)
    _, found = decoded(dataset, tmp_path)
    assert found is None or not np.array_equal(found, values)


def test_jpeg_extended_of_12_bits_is_not_decoded(tmp_path):
    """Once it is: the most Bits Stored of JPEG Extended in `codecs.CODECS` can be 12."""
    dataset = dcmread(get_testdata_file("JPEG-lossy.dcm", download=False))
    assert dataset.BitsStored > 8
    code, found = decoded(dataset, tmp_path)
    assert code != 0 or not found.any()


#: In a process of its own: what is misread depends on what lies in memory behind it.
READ_BITS = """
import sys
import SimpleITK as sitk
values = sitk.GetArrayFromImage(sitk.ReadImage(sys.argv[1])) > 0
sys.stdout.buffer.write(values.astype("uint8").tobytes())
"""


def test_pages_of_single_bits_are_misread_where_their_width_is_no_multiple_of_8(tmp_path):
    """Once they are read: the README need not warn of it."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID, dataset.SOPInstanceUID = MultiFrameSingleBitSecondaryCaptureImageStorage, "1.2.3"
    dataset.Rows, dataset.Columns, dataset.NumberOfFrames = 6, 10, 1
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 1, 1, 0, 0
    values = np.random.default_rng(5).random((6, 10)) > 0.5
    bits = np.packbits(values, axis=None, bitorder="little").tobytes()
    dataset.add_new(0x7FE00010, "OW", bits + b"\0" * (len(bits) % 2))
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    (tmp_path / "bits.dcm").write_bytes(buffer.getvalue())
    assert np.array_equal(dcmread(io.BytesIO(buffer.getvalue())).pixel_array, values)
    found = subprocess.run([sys.executable, "-c", READ_BITS, str(tmp_path / "bits.dcm")], capture_output=True)
    if found.returncode:
        return  # to fail is as bad
    assert found.stdout[: values.size] != values.astype(np.uint8).tobytes()
