"""Which format a file or an object has."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from derive.formats import RawLayout, is_picture, is_volume_or_picture, of_object, open_file
from tests.helpers.foreign_files import VALUES, refused


def test_files_of_no_format(tmp_path):
    refused("SRC-MISSING", open_file, tmp_path / "gone.nii")
    refused("SRC-FORMAT", open_file, tmp_path)
    for name in ("v.raw", "v.bin", "v.dcm", "v", "v.gz", "v.mha.gz"):
        (tmp_path / name).write_bytes(b"1234")
        assert ".nhdr" in str(refused("SRC-FORMAT", open_file, tmp_path / name))
    np.save(tmp_path / "v.npy", VALUES)
    refused("RAW-FORMAT", open_file, tmp_path / "v.npy", RawLayout((1, 1, 1), "int8"))
    for value in (None, "v.nii", [[1]]):
        refused("SRC-INPUT", of_object, value)


def test_what_a_picture_is():
    assert is_picture(Path("a/B.JPG"))
    assert is_picture(Path("b.tiff"))
    assert not is_picture(Path("b.nii.gz"))
    assert is_volume_or_picture(Path("b.NII.gz"))
    assert not is_volume_or_picture(Path("b.dcm"))
