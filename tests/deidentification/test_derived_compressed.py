"""Compression and de-identification of one result: what is lost is still said, and nobody is named."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest
from pydicom.uid import JPEGLSLossless, JPEGLSNearLossless

import derive
from derive.cli.main import main
from derive.operations import gaussian_blur
from derive.pixels.compressions import is_installed, rows
from tests.helpers.asserting import each
from tests.helpers.sources import make_series

pytestmark = pytest.mark.skipif(not is_installed(rows()["jpeg-ls", True]), reason="needs the extra compress")
LOSSY = ["--jpeg-ls", "--error", "2"]
NAME = "Quillfeather^Aurelia"


@pytest.fixture
def source(tmp_path):
    """A folder of a series that names somebody."""
    (tmp_path / "source").mkdir()
    for number, dataset in enumerate(make_series("CT", 3, (48, 40), PatientName=NAME)):
        dataset.PixelData = np.clip(dataset.pixel_array, -1000, 1000).astype(dataset.pixel_array.dtype).tobytes()
        dataset.save_as(tmp_path / "source" / f"{number}.dcm", enforce_file_format=True)
    return tmp_path / "source"


def run(command, source, out, *flags):
    assert main([command, str(source), "-o", str(out), *flags]) == 0


def images_of(folder):
    """The images of a folder in their order, none of which has the name."""
    files = list(each(folder.rglob("*.dcm"), 3))
    assert not any(NAME.encode() in file.read_bytes() for file in files)
    return sorted(map(pydicom.dcmread, files), key=lambda image: image.InstanceNumber)


def assert_lossy(images, originals):
    for image, was in zip(images, originals, strict=True):
        assert image.file_meta.TransferSyntaxUID == JPEGLSNearLossless
        assert (image.LossyImageCompression, image.LossyImageCompressionMethod) == ("01", "ISO_14495_1")
        assert float(image.LossyImageCompressionRatio) > 1
        assert [item.CodeValue for item in image.DerivationCodeSequence] == ["113040"]
        (item,) = image.SourceImageSequence
        assert item.PurposeOfReferenceCodeSequence[0].CodeValue == "121320"
        off = np.abs(image.pixel_array.astype(int) - was.pixel_array)
        assert 0 < off.max() <= 2


def originals_of(source):
    return [pydicom.dcmread(file) for file in sorted(source.iterdir())]


def test_what_was_compressed_with_loss_is_marked_so_where_nobody_is_named(source, tmp_path):
    run("compress", source, tmp_path / "out", *LOSSY, "--deidentify", "basic")
    images = images_of(tmp_path / "out")
    assert_lossy(images, originals_of(source))
    assert {image.PatientIdentityRemoved for image in images} == {"YES"}
    uids = {was.SOPInstanceUID for was in originals_of(source)}
    assert uids.isdisjoint({image.SourceImageSequence[0].ReferencedSOPInstanceUID for image in images})


def test_what_names_nobody_already_is_compressed_as_all_else(source, tmp_path):
    run("deidentify", source, tmp_path / "anonymous")
    run("compress", tmp_path / "anonymous", tmp_path / "out", *LOSSY)
    images = images_of(tmp_path / "out")
    assert_lossy(images, originals_of(source))
    behind = {image.SourceImageSequence[0].ReferencedSOPInstanceUID for image in images}
    assert behind == {image.SOPInstanceUID for image in images_of(tmp_path / "anonymous")}
    assert {image.PatientIdentityRemoved for image in images} == {"YES"}


def test_the_encoding_without_loss_is_that_which_was_asked_for(source, tmp_path):
    flags = ["--sigma-mm", "1"]
    run("gaussian-blur", source, tmp_path / "out", *flags, "--compress", "jpeg-ls", "--deidentify", "basic")
    native = derive.build(derive.read(source), gaussian_blur(sigma_mm=1)).write(tmp_path / "native")
    for image, file in zip(images_of(tmp_path / "out"), native.files, strict=True):
        assert image.file_meta.TransferSyntaxUID == JPEGLSLossless
        assert "LossyImageCompression" not in image
        np.testing.assert_array_equal(image.pixel_array, pydicom.dcmread(file).pixel_array)


def test_a_command_that_only_deidentifies_has_no_encoding_of_its_own(source, tmp_path, capsys):
    with pytest.raises(SystemExit):
        main(["deidentify", str(source), "-o", str(tmp_path / "out"), "--compress", "rle"])
    assert "there is no flag --compress" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
