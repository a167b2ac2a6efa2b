"""Devices, pipes and files of others, named to any command: refused by name, not waited for, not written to."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path

import pytest

from derive.cli.main import main
from tests.helpers.killing import digests, left
from tests.helpers.sources import make_series

BLUR = ["--sigma-mm", "1"]


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A source, a result of it, and what is no file."""
    monkeypatch.chdir(tmp_path)
    Path("ct").mkdir()
    for k, dataset in enumerate(make_series("CT")):
        dataset.save_as(Path("ct") / f"{k}.dcm", enforce_file_format=True)
    assert main(["gaussian-blur", "ct", "-o", "out", *BLUR, "--quiet"]) == 0
    os.mkfifo("pipe")
    Path("link").symlink_to("pipe")
    Path("null").symlink_to(os.devnull)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
    return tmp_path


KINDS = ("pipe", "link", "null", "socket")
#: Commands with a place for an input.
INPUTS = [
    "check {}",
    "inspect {}",
    "send {} store",
    "explain {}",
    "explain out --sources {}",
    "diff {} out",
    "diff out {}",
    "verify {}",
    "verify out --sources {}",
    "show {} -o x.png",
    "show out -o x.png --compare {}",
    "gaussian-blur {} -o x --sigma-mm 1",
    "resample ct -o x --reference {}",
    "convert {} -o x.nii",
    "convert {} -o x --modality CT",
    "convert {} -o x --shape 2 2 2 --dtype int16 --modality CT",
    "convert ct -o x --reference {}",
]


@pytest.mark.parametrize("command", INPUTS)
def test_what_is_no_file_is_not_waited_for(command, place, capsys):
    for kind in KINDS:
        code = main(command.format(kind).split())
        said = "".join(capsys.readouterr())
        assert code in (1, 2, 3) or (code == 0 and "is no regular file" in said), (kind, code, said)
        assert "Traceback" not in said
    assert not {"x", "x.png", "x.nii", "store"} & set(left(place))


@pytest.mark.parametrize("ending", ["nii", "nii.gz", "hdr", "img", "nrrd", "nhdr", "mha", "mhd", "npy", "npz", "png"])
def test_a_volume_that_is_a_pipe_is_not_waited_for(ending, place, capsys):
    os.mkfifo(f"v.{ending}")
    assert main(["convert", f"v.{ending}", "-o", "x", "--modality", "CT"]) == 3
    assert f"v.{ending} is no regular file" in capsys.readouterr().err


OUTPUTS = {
    "series": "gaussian-blur ct -o {} --sigma-mm 1",
    "volume": "convert ct -o {}.nii",
    "two files": "convert ct -o {}.mhd",
    "picture": "show ct -o {}.png",
    "manifest": "gaussian-blur ct -o x --sigma-mm 1 --manifest {}",
}


def kinds(place):
    """What each name stands for."""
    return {name: (os.lstat(name).st_ino, os.lstat(name).st_mode) for name in left(place)}


@pytest.mark.parametrize("overwrite", [True, False])
@pytest.mark.parametrize("command", OUTPUTS.values(), ids=OUTPUTS)
def test_what_is_no_file_is_never_replaced(command, overwrite, place, capsys):
    for ending in (".nii", ".mhd", ".png"):
        os.mkfifo(f"pipe{ending}")
        Path(f"link{ending}").symlink_to(f"pipe{ending}")
        Path(f"null{ending}").symlink_to(os.devnull)
        os.link("socket", f"socket{ending}")
    before = kinds(place)
    for kind in KINDS:
        assert main([*command.format(kind).split(), *(["--overwrite"] if overwrite else [])]) == 6
        assert "OUT-EXISTS" in capsys.readouterr().err
    assert kinds(place) == before


def test_a_manifest_replaces_a_manifest_where_it_may_and_nothing_else(place, capsys):
    first = ["gaussian-blur", "ct", "-o", "one", *BLUR, "--manifest", "made.json"]
    assert main(first) == 0
    before = digests(place)
    for target, overwrite, code in (
        ("made.json", False, "OUT-EXISTS"),
        ("ct/0.dcm", True, "OUT-SOURCE"),
        ("ct/0.dcm", False, "OUT-SOURCE"),
        ("out/IM00001.dcm", True, "OUT-FOREIGN"),
        ("one/made.json", True, "OUT-MANIFEST"),
    ):
        words = ["gaussian-blur", "ct", "-o", "one" if target.startswith("one") else "two", *BLUR, "--manifest", target]
        assert main([*words, *(["--overwrite"] if overwrite else [])]) == 6
        assert code in capsys.readouterr().err
    Path("mine.json").write_text('{"schema": "of somebody"}')
    assert main(["mip", "ct", "-o", "two", "--manifest", "mine.json", "--overwrite"]) == 6
    Path("mine.json").unlink()
    assert digests(place) == before
    assert main(["mip", "ct", "-o", "one", "--manifest", "made.json", "--overwrite"]) == 0
    assert json.loads(Path("made.json").read_text())["steps"][0]["operation"] == "mip"


def test_a_log_goes_on_with_a_log_and_with_nothing_else(place, capsys):
    before = digests(place)
    for target in ("pipe", "null", "ct/0.dcm", "out"):
        assert main(["send", "out", "store", "--log-json", target]) == 6
        assert "OUT-" in capsys.readouterr().err
    assert digests(place) == before
    for count in (6, 12):
        assert main(["send", "out", "store", "--log-json", "log.json"]) == 0
        assert len(Path("log.json").read_text().splitlines()) == count


def test_a_demonstration_replaces_its_own_and_nothing_else(place, capsys):
    assert main(["demo", "demo", "--quiet"]) == 0
    assert main(["demo", "demo", "--quiet", "--overwrite"]) == 0
    (place / "demo" / "phantom" / "mine.txt").write_text("mine")
    before = digests(place)
    assert main(["demo", "demo", "--quiet", "--overwrite"]) == 6
    assert "OUT-FOREIGN: phantom" in capsys.readouterr().err
    assert digests(place) == before
