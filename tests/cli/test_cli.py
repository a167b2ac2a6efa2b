"""The command line, as a person or a program uses it."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import pydicom
import pytest

import derive
from derive.cli.main import main
from derive.operations import REGISTRY
from derive.pacs.service import ArchiveService
from tests.helpers.asserting import each
from tests.helpers.sources import make_series


@pytest.fixture
def ct(tmp_path):
    folder = tmp_path / "ct"
    folder.mkdir()
    for k, dataset in enumerate(make_series("CT")):
        dataset.save_as(folder / f"{k}.dcm", enforce_file_format=True)
    return folder


def run(*arguments):
    return main([str(a) for a in arguments])


def halve(values: np.ndarray, by: float = 2.0) -> np.ndarray:
    return values / by


@pytest.mark.parametrize(
    "arguments",
    [
        ["gaussian-blur", "--sigma-mm", "1.5"],
        ["gaussian-blur", "--sigma-mm", "1.5", "1", "0"],
        ["resample", "--spacing-mm", "1"],
        ["resample", "--spacing-mm", "0.8", "0.8", "2", "--interpolator", "bspline", "--fill", "-900"],
        ["resample", "--spacing-mm", "3", "--fill", "padding"],
        ["mip", "--slab-mm", "4", "--step-mm", "2", "--plane", "coronal"],
        ["minip"],
        ["mean-projection", "--slab-mm", "4"],
        [
            "apply",
            "--function",
            f"{__name__}:halve",
            "--param",
            "by=4.0",
            "--code",
            "Smoothing",
            "--description",
            "halved",
        ],
    ],
    ids=lambda a: "-".join(a[:3]),
)
def test_every_operation_makes_a_series(arguments, ct, tmp_path, capsys):
    command, *flags = arguments
    assert run(command, ct, "-o", tmp_path / "out", *flags) == 0
    printed = capsys.readouterr()
    assert "check clean" in printed.out
    assert printed.err == ""
    assert run("check", tmp_path / "out") == 0
    dataset = pydicom.dcmread(tmp_path / "out" / "IM00001.dcm")
    assert command.replace("-", "_") in dataset.DerivationDescription


def test_a_reference_series_gives_the_grid(ct, tmp_path):
    assert run("resample", ct, "-o", tmp_path / "coarse", "--spacing-mm", "2.5") == 0
    assert run("resample", ct, "-o", tmp_path / "like", "--reference", tmp_path / "coarse") == 0
    one, other = (pydicom.dcmread(tmp_path / n / "IM00002.dcm") for n in ("coarse", "like"))
    assert one.ImagePositionPatient == other.ImagePositionPatient
    assert one.PixelSpacing == other.PixelSpacing


@pytest.mark.parametrize("kind", REGISTRY.values(), ids=lambda k: k.name)
def test_help_names_every_parameter(kind, capsys):
    with pytest.raises(SystemExit) as ended:
        run(kind.name.replace("_", "-"), "--help")
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    for name in sorted(kind.signature.parameters.keys() - set(kind.others)):
        assert ("--param" if name == "parameters" else f"--{name.rstrip('_').replace('_', '-')}") in shown


def test_exit_codes(ct, tmp_path, capsys):
    blur = ["gaussian-blur", "--sigma-mm", "1"]
    with pytest.raises(SystemExit) as ended:
        run("gaussian-blur", ct)
    assert ended.value.code == 2
    assert run("gaussian-blur", ct, "-o", tmp_path / "x") == 2
    assert run("gaussian-blur", ct, "-o", tmp_path / "x", "--sigma-mm", "-1") == 2
    assert run("gaussian-blur", ct, "-o", tmp_path / "x", "--sigma-mm", "1", "--set", "Nope=1") == 2
    assert run(blur[0], tmp_path / "nowhere", "-o", tmp_path / "x", *blur[1:]) == 3
    (tmp_path / "empty").mkdir()
    assert run(blur[0], tmp_path / "empty", "-o", tmp_path / "x", *blur[1:]) == 3
    (ct / "2.dcm").unlink()
    assert run(blur[0], ct, "-o", tmp_path / "x", *blur[1:]) == 4
    assert not (tmp_path / "x").exists()
    assert "GEO-GAP" in capsys.readouterr().err


def test_exit_codes_of_values_output_and_findings(ct, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("x")
    assert run("minip", ct, "-o", tmp_path / "full") == 6
    assert run("minip", ct, "-o", tmp_path / "x", "--manifest", tmp_path / "x" / "m.json") == 6
    assert run("apply", ct, "-o", tmp_path / "x", "--function", f"{__name__}:broken", "--code", "Smoothing") == 5
    assert run("minip", ct, "-o", tmp_path / "x", "--set", "Laterality=LEFT") == 2
    dataset = pydicom.dcmread(ct / "0.dcm")
    del dataset.PatientID
    dataset.save_as(ct / "0.dcm")
    assert run("check", ct) == 1


def broken(values: np.ndarray) -> np.ndarray:
    raise ZeroDivisionError


def test_an_interruption_ends_with_130_and_leaves_nothing(ct, tmp_path):
    assert run("apply", ct, "-o", tmp_path / "x", "--function", f"{__name__}:interrupted", "--code", "Smoothing") == 130
    assert sorted(p.name for p in tmp_path.iterdir()) == ["ct"]


def interrupted(values: np.ndarray) -> np.ndarray:
    raise KeyboardInterrupt


def test_programs_read_json(ct, tmp_path, capsys):
    assert run("mip", ct, "-o", tmp_path / "x", "--json", "--manifest", tmp_path / "m.json") == 0
    report = json.loads(capsys.readouterr().out)
    assert report == json.loads((tmp_path / "m.json").read_text())
    assert report["schema"] == "derive-report/1"
    assert len(report["instances"][0]["sources"]) == 6
    assert run("check", tmp_path / "x", "--json") == 0
    assert json.loads(capsys.readouterr().out)["schema"] == "derive-check/1"
    assert run("mip", tmp_path / "nowhere", "-o", tmp_path / "y", "--json") == 3
    error = json.loads(capsys.readouterr().out)["error"]
    assert (error["code"], error["exit_code"]) == ("SRC-MISSING", 3)


def test_a_dry_run_writes_nothing_and_decodes_nothing(ct, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("derive.pixels.decode.decode", None)
    assert run("resample", ct, "-o", tmp_path / "x", "--spacing-mm", "1", "--dry-run", "--json") == 0
    plan = json.loads(capsys.readouterr().out)
    assert plan["result"]["shape"] == [12, 15, 14]
    assert {a["action"] for a in plan["attributes"]} >= {"pulled", "recomputed", "dropped"}
    assert run("resample", ct, "-o", tmp_path / "x", "--spacing-mm", "1", "--dry-run") == 0
    assert "12 of SOP Class" in capsys.readouterr().out
    assert not (tmp_path / "x").exists()


def test_a_zip_is_read_like_a_folder(ct, tmp_path):
    archive = tmp_path / "ct.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as out:
        for file in sorted(ct.iterdir()):
            out.write(file, f"series/{file.name}")
        out.writestr("README.txt", "hello")
    assert run("mip", archive, "-o", tmp_path / "x") == 0


def test_one_of_several_series_is_chosen(ct, tmp_path, capsys):
    for k, dataset in enumerate(
        make_series(
            "CT",
            SeriesInstanceUID="1.2.3.4",
            SeriesNumber=7,
            SeriesDescription="Abdomen",
            SOPInstanceUID=lambda k: f"1.2.3.4.{k + 1}",
        )
    ):
        dataset.save_as(ct / f"other{k}.dcm", enforce_file_format=True)
    assert run("mip", ct, "-o", tmp_path / "x") == 3
    listed = capsys.readouterr().err
    assert "1.2.3.4" in listed
    assert "Abdomen" not in listed
    for number, choice in enumerate(("1.2.3.4", "7", "*abdo*")):
        assert run("mip", ct, "-o", tmp_path / f"o{number}", "--series", choice) == 0
        assert pydicom.dcmread(tmp_path / f"o{number}" / "IM00001.dcm").SeriesNumber // 1_000_000 == 7


def test_no_patient_data_is_printed(ct, tmp_path, capsys):
    run("mip", ct, "-o", tmp_path / "x", "-v")
    (ct / "2.dcm").unlink()
    run("mip", ct, "-o", tmp_path / "y", "-v")
    printed = capsys.readouterr()
    assert not any(text in printed.out + printed.err for text in ("Doe", "Jane", "P1 ", "19700101"))


def test_the_demonstration_needs_no_data_says_what_to_try_and_can_be_run_twice(tmp_path, capsys, monkeypatch):
    assert run("demo", tmp_path / "out") == 0
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["blurred", "mip", "phantom", "resampled"]
    assert run("check", tmp_path / "out") == 0
    told = capsys.readouterr().out
    for line in each(re.findall(r"^  derive (show|explain|verify) (.*)$", told, re.M), 3):
        monkeypatch.chdir(tmp_path)
        assert run(*shlex.split(" ".join(line))) == 0
    capsys.readouterr()
    assert run("demo", tmp_path / "out") == 0
    assert "is made anew" in capsys.readouterr().err
    assert run("demo", tmp_path / "out", "--overwrite", "--json") == 0


def test_a_demonstration_replaces_nothing_else(ct, tmp_path, capsys):
    (tmp_path / "out").mkdir()
    ct.rename(tmp_path / "out" / "blurred")
    before = sorted(p.name for p in (tmp_path / "out" / "blurred").iterdir())
    assert run("demo", tmp_path / "out") == 6
    assert run("demo", tmp_path / "out", "--overwrite") == 6
    assert sorted(p.name for p in (tmp_path / "out" / "blurred").iterdir()) == before


def test_a_function_is_found_in_the_folder_one_stands_in(ct, tmp_path):
    (tmp_path / "mine.py").write_text("def double(values):\n    return values * 2\n")
    program = "import sys; sys.path[:] = [p for p in sys.path if p]; from derive.cli.main import main; sys.exit(main())"
    arguments = ["apply", str(ct), "-o", "x", "--function", "mine:double", "--code", "Smoothing"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, cwd=tmp_path, env=environment
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_module_is_the_command(ct, tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "derive", "mip", str(ct), "-o", str(tmp_path / "x")],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 0
    assert "check clean" in done.stdout
    assert done.stderr == ""


def test_no_temporary_path_is_shown(ct, tmp_path, capsys):
    """What was fetched, or lies in a folder only until it is sent, is called by its archive."""
    with ArchiveService(tmp_path / "store", port=0) as service:
        archive = f"ARCHIVE@127.0.0.1:{service.port}"
        assert run("send", ct, archive, "--verify") == 0
        uid = derive.read(ct).series_instance_uid
        assert run("mip", f"{archive}/{uid}", "-o", archive, "--manifest", tmp_path / "m.json") == 0
        assert run("mip", f"{archive}/{uid}", "-o", archive, "--json") == 0
        assert run("gaussian-blur", f"{archive}/{uid}", "-o", archive, "--sigma-mm", "-1") == 2
    printed = capsys.readouterr()
    told = printed.out + printed.err + (tmp_path / "m.json").read_text()
    assert archive in told
    assert re.findall(rf"{re.escape(tempfile.gettempdir())}/(?!pytest)\S*", told) == []
