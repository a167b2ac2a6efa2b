"""Compressed results as others decode them: dcmtk, GDCM's tool, SimpleITK give the values of a native one."""

from __future__ import annotations

import subprocess
from shutil import which

import numpy as np
import pydicom
import pytest
import SimpleITK

import derive
from derive.operations import compress, gaussian_blur
from derive.pixels.compressions import is_installed, rows
from tests.helpers.asserting import each
from tests.helpers.sources import make_series

#: Method, whether with loss, and who decodes it, with flags; the file and the result follow.
PEERS = {
    "jpeg-ls, dcmtk": ("jpeg-ls", False, ["dcmdjpls"]),
    "jpeg-ls near-lossless, dcmtk": ("jpeg-ls", True, ["dcmdjpls"]),
    "rle, dcmtk": ("rle", False, ["dcmdrle"]),
    "deflated, dcmtk": ("deflated", False, ["dcmconv", "+te"]),
    "jpeg2000, GDCM": ("jpeg2000", False, ["gdcmconv", "--raw"]),
    "jpeg2000 with loss, GDCM": ("jpeg2000", True, ["gdcmconv", "--raw"]),
    "jpeg-ls, GDCM": ("jpeg-ls", False, ["gdcmconv", "--raw"]),
    "rle, GDCM": ("rle", False, ["gdcmconv", "--raw"]),
}
LOSS = {"jpeg-ls": {"jpeg_ls": True, "error": 2}, "jpeg2000": {"jpeg2000": True, "ratio": 4}}


def written(method, lossy, folder):
    """A blurred CT, compressed; and its native values."""
    source = derive.read(make_series("CT", shape=(48, 40)))
    if not lossy:
        native = derive.build(source, gaussian_blur(sigma_mm=2)).write(folder / "native")
        report = derive.build(source, gaussian_blur(sigma_mm=2), compress=method).write(folder / "packed")
        return report.files, [pydicom.dcmread(f).pixel_array for f in native.files]
    report = derive.build(source, gaussian_blur(sigma_mm=2), compress(**LOSS[method])).write(folder / "packed")
    return report.files, [pydicom.dcmread(f).pixel_array for f in report.files]


@pytest.mark.parametrize("peer", PEERS)
def test_a_peer_decodes_what_was_written(peer, tmp_path):
    method, lossy, command = PEERS[peer]
    if which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    if not is_installed(rows()[method, lossy]):
        pytest.skip("needs the extra compress")
    files, values = written(method, lossy, tmp_path)
    for file, wanted in each(list(zip(files, values, strict=True))):
        target = tmp_path / "decoded.dcm"
        subprocess.run([*command, str(file), str(target)], check=True, capture_output=True)
        found = pydicom.dcmread(target)
        assert not found.file_meta.TransferSyntaxUID.is_compressed
        assert np.array_equal(found.pixel_array, wanted), peer


@pytest.mark.parametrize("method", ["jpeg2000", "jpeg-ls", "rle", "deflated"])
def test_simpleitk_reads_a_compressed_series_as_the_native_one(method, tmp_path):
    if not is_installed(rows()[method, False]):
        pytest.skip("needs the extra compress")
    source = derive.read(make_series("CT", shape=(48, 40)))
    native = derive.build(source, gaussian_blur(sigma_mm=2)).write(tmp_path / "native")
    packed = derive.build(source, gaussian_blur(sigma_mm=2), compress=method).write(tmp_path / "packed")
    one, other = (SimpleITK.GetArrayFromImage(SimpleITK.ReadImage([str(f) for f in r.files])) for r in (native, packed))
    assert np.array_equal(one, other)


def test_dcmtk_decodes_a_cine_of_jpeg(real, tmp_path):
    if which("dcmdjpeg") is None:
        pytest.skip("dcmdjpeg is not installed")
    report = derive.compress(real("xa_rubo_96f"), jpeg=True, quality=90).write(tmp_path / "o")
    subprocess.run(["dcmdjpeg", str(report.files[0]), str(tmp_path / "theirs.dcm")], check=True, capture_output=True)
    theirs, own = pydicom.dcmread(tmp_path / "theirs.dcm"), pydicom.dcmread(report.files[0])
    assert list(own.LossyImageCompressionMethod) == ["ISO_10918_1", "ISO_10918_1"]  # it was JPEG before
    assert np.abs(theirs.pixel_array.astype(int) - own.pixel_array).max() <= 1  # libjpegs may round otherwise


def test_an_archive_takes_compressed_instances(tmp_path):
    """The service that derive has for trying out keeps them in their transfer syntax, or negotiates another."""
    derive.build(derive.read(make_series("CT", shape=(48, 40))), gaussian_blur(sigma_mm=2), compress="rle").write(
        tmp_path / "o"
    )
    report = derive.send(tmp_path / "o", str(tmp_path / "archive"))
    assert report.ok
    found = [pydicom.dcmread(f) for f in each(sorted((tmp_path / "archive").rglob("*.dcm")))]
    assert {d.file_meta.TransferSyntaxUID for d in found} == {pydicom.uid.RLELossless}
