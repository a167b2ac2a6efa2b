"""Every object of the public data is corrected and taken back to the last byte, however it is encoded."""

from __future__ import annotations

from pathlib import Path

import pytest

import derive
from derive.cli.main import main
from derive.errors import DeriveError
from tests.conftest import DATA
from tests.helpers.asserting import each

#: What is asked of each: one attribute that becomes longer, or is new, and one that goes.
ASKED = {"set": {"PatientName": "Roe^Annabelle"}, "remove": ["StudyDescription"], "reidentify": True, "check": False}
#: Refused, and why: all other files that are objects come back.
REFUSED = {
    "emri_small_jpeg_2k_lossless_too_short.dcm": "SRC-UNREADABLE",
    "rtplan_truncated.dcm": "SRC-UNREADABLE",
    "SC_rgb_jpeg.dcm": "COR-ENCODING",  # encapsulated pixels in Implicit VR, which no transfer syntax is
}
FOLDERS = sorted(p.name for p in DATA.iterdir() if p.is_dir()) if DATA.is_dir() else []


def outcome(path: Path, folder: Path) -> str:
    """What becomes of a file: the same again, or a code."""
    try:
        report = derive.correct(path, **ASKED).write(folder / "out")
    except DeriveError as error:
        return error.code
    derive.correct(folder / "out", undo=1).write(folder / "back")
    assert report.changed == 1, path.name
    assert (folder / "out" / path.name).read_bytes() != path.read_bytes(), path.name
    return "same" if (folder / "back" / path.name).read_bytes() == path.read_bytes() else "another"


@pytest.mark.parametrize("name", FOLDERS)
def test_every_object_comes_back_as_it_was(name, tmp_path):
    for number, path in enumerate(each(sorted(p for p in (DATA / name).rglob("*") if p.is_file()))):
        (tmp_path / str(number)).mkdir()
        wanted = {REFUSED.get(path.name, "same")} if _is_object(path) else {"SRC-NONE"}
        assert outcome(path, tmp_path / str(number)) in wanted, path.name


def _is_object(path: Path) -> bool:
    try:
        return len(derive.correct(path, **ASKED).members.objects) > 0
    except DeriveError:
        return False


def test_a_whole_folder_comes_back_through_the_command_line(real, tmp_path, capsys):
    source = real("mr_philips_classic24_and_enhanced")
    there = ["correct", str(source), "-o", str(tmp_path / "out"), "--set", "PatientName=Roe^Ann", "--reidentify"]
    assert main([*there, "--source", "City", "-q"]) == 0
    assert main(["correct", str(tmp_path / "out"), "-o", str(tmp_path / "back"), "--undo", "-q"]) == 0
    capsys.readouterr()
    for path in each([p for p in (tmp_path / "back").rglob("*") if p.is_file()]):
        assert path.read_bytes() == (source / path.relative_to(tmp_path / "back")).read_bytes()


def test_a_directory_of_media_is_left_out_and_said(real, tmp_path):
    source = real("pydicom_test_files/test_files/dicomdirtests/77654033")
    (tmp_path / "in").mkdir()
    path = next(p for p in sorted(source.rglob("*")) if p.is_file())
    (tmp_path / "in" / "A").write_bytes(path.read_bytes())
    (tmp_path / "in" / "DICOMDIR").write_bytes((source.parent / "DICOMDIR").read_bytes())
    report = derive.correct(tmp_path / "in", **ASKED).write(tmp_path / "out")
    assert (report.count, [o.name for o in report.others]) == (1, ["DICOMDIR"])


@pytest.mark.parametrize("order", ["before", "after"])
def test_several_corrections_are_taken_back_at_once_wherever_the_flag_stands(order, real, tmp_path):
    source, names = real("ct_small_ge_3"), ("a", "b", "back")
    first, second, back = (str(tmp_path / name) for name in names)
    assert main(["correct", str(source), "-o", first, "--set", "PatientName=Roe", "--reidentify", "-q"]) == 0
    assert main(["correct", first, "-o", second, "--remove", "StudyDescription", "--reidentify", "-q"]) == 0
    undo = ["--undo", "2"]
    words = [*undo, second] if order == "before" else [second, *undo]
    assert main(["correct", *words, "-o", back, "-q"]) == 0
    for path in each(p for p in source.rglob("*") if p.is_file()):
        assert (Path(back) / path.relative_to(source)).read_bytes() == path.read_bytes()
