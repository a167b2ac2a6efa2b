"""Where a conversion may write: the input and the reference survive, and the command line refuses alike."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813 - its own customary name

import derive
from derive.cli.main import main
from tests.helpers.asserting import raises_code
from tests.helpers.convert_files import (
    CT,
    affine_of,
    hu,
    nifti,
    saved,
)
from tests.helpers.refused_conversions import MARKED, MARKS, SHAPE


def test_a_folder_that_is_not_empty_stays_as_it_is(place):
    (place / "out").mkdir()
    (place / "out" / "mine.txt").write_text("mine")
    with pytest.raises(derive.OutputError) as caught:
        derive.convert(hu(), **CT).write(place / "out")
    assert caught.value.code == "OUT-EXISTS"
    assert sorted(p.relative_to(place).as_posix() for p in place.rglob("*")) == ["out", "out/mine.txt"]
    with raises_code("OUT-FOREIGN"):
        derive.convert(hu(), **CT).write(place / "out", overwrite=True)
    assert (place / "out" / "mine.txt").read_text() == "mine"


def test_a_file_is_no_folder_to_write_to(place):
    (place / "out").write_text("mine")
    with pytest.raises(derive.OutputError) as caught:
        derive.convert(hu(), **CT).write(place / "out", overwrite=True)
    assert caught.value.code == "OUT-EXISTS"
    assert (place / "out").read_text() == "mine"


def beside(folder: Path) -> Path:
    return nifti(folder / "out" / "v.nii.gz", hu(), np.eye(4))


def deeper(folder: Path) -> Path:
    return nifti(folder / "out" / "a" / "b" / "v.nii.gz", hu(), np.eye(4))


def linked(folder: Path) -> Path:
    (folder / "elsewhere").mkdir()
    link = folder / "elsewhere" / "link.nii.gz"
    link.symlink_to(beside(folder))
    return link


def in_two_parts(folder: Path) -> Path:
    """A header whose data are in the target."""
    (folder / "out").mkdir()
    image = sitk.GetImageFromArray(hu())
    sitk.WriteImage(image, str(folder / "out" / "v.mhd"))
    header = (folder / "out" / "v.mhd").read_text().replace("= v.raw", "= out/v.raw")
    (folder / "out" / "v.mhd").unlink()
    (folder / "v.mhd").write_text(header)
    return folder / "v.mhd"


@pytest.mark.parametrize("make", [beside, deeper, linked, in_two_parts])
def test_the_input_survives_a_target_that_holds_it(make, place):
    source = make(place)
    before = {p: p.read_bytes() for p in place.rglob("*") if p.is_file()}
    with pytest.raises(derive.OutputError) as caught:
        derive.convert(source, modality="CT", patient=MARKED).write(place / "out", overwrite=True)
    assert caught.value.code == "OUT-SOURCE"
    assert {p: p.read_bytes() for p in place.rglob("*") if p.is_file()} == before


def test_the_file_of_an_image_of_nibabel_survives_a_target_that_holds_it(place):
    image = nibabel.load(beside(place))
    with pytest.raises(derive.OutputError) as caught:
        derive.convert(image, modality="CT", patient=MARKED).write(place / "out", overwrite=True)
    assert caught.value.code == "OUT-SOURCE"
    assert [p.name for p in (place / "out").iterdir()] == ["v.nii.gz"]


def test_the_input_survives_where_it_is_named_as_seen_from_here(place, monkeypatch):
    before = beside(place).read_bytes()
    monkeypatch.chdir(place / "out")
    with pytest.raises(derive.OutputError) as caught:
        derive.convert("v.nii.gz", modality="CT", patient=MARKED).write(".", overwrite=True)
    assert caught.value.code == "OUT-SOURCE"
    assert (place / "out" / "v.nii.gz").read_bytes() == before


def test_the_reference_survives_a_target_that_holds_it(tmp_path, place):
    reference = derive.read(saved(place / "out"))
    path = nifti(tmp_path / "v.nii", hu(SHAPE), affine_of(reference))
    with pytest.raises(derive.OutputError) as caught:
        derive.convert(path, reference=reference).write(place / "out", overwrite=True)
    assert caught.value.code == "OUT-SOURCE"
    assert len(list((place / "out").iterdir())) == 6


# The command line says the same


@pytest.mark.parametrize(
    ("arguments", "code", "status"),
    [
        (["{in}", "-o", "{place}/out"], "SRC-INPUT", 2),
        (["{in}/v.nii", "{in}/v.nii", "-o", "{place}/out"], "SRC-INPUT", 2),
        (["{in}/v.nii"], "OUT-NONE", 2),
        (["{in}/v.nii", "-o", "{place}/out"], "GIV-PATIENT", 2),
        (["{in}/v.nii", "-o", "{place}/out", "--patient-id", "SECRET-4711"], "GIV-PATIENT", 2),
        (["{in}/v.nii", "-o", "{place}/out", "--spacing-mm", "1"], "GEO-STATED", 2),
        (["{in}/v.nii", "-o", "{place}/out", "--orientation", "upwards"], "GEO-STATED", 2),
        (["{in}/v.nii", "-o", "{place}/out", "--shape", "5", "4", "3"], "RAW-LAYOUT", 2),
        (["{in}/w.nii", "-o", "{place}/out"], "SRC-MISSING", 3),
        (["{in}/v.nii", "-o", "{place}/v.nii"], "EXP-SOURCE", 2),
    ],
)
def test_the_command_line_refuses_with_code_and_status(arguments, code, status, tmp_path, place, capsys):
    nifti(tmp_path / "in" / "v.nii", hu(), np.eye(4))
    named = [a.replace("{in}", str(tmp_path / "in")).replace("{place}", str(place)) for a in arguments]
    assert main(["convert", *named, "--modality", "CT"]) == status
    said = capsys.readouterr()
    assert said.err.startswith(f"derive: {code}: ")
    assert said.out == ""
    assert list(place.iterdir()) == []
    assert not [mark for mark in MARKS if mark in said.err.lower()]
