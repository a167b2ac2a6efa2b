"""How commands end: nobody reads on, the disk is full, there is no memory, a function fails, Ctrl-C comes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from derive.cli.main import main
from tests.helpers.asserting import each
from tests.helpers.sources import make_series

COMMAND = [sys.executable, "-m", "derive"]
FUNCTIONS = """
import sys, time
def fails(values):
    raise ValueError("what I say \\x1b[2J")
def leaves(values):
    sys.exit(3)
def sleeps(values):
    open("asleep", "w").close()
    time.sleep(60)
def blocks(values):
    import ctypes
    open("asleep", "w").close()
    for _ in range(60):
        ctypes.CDLL(None).poll(None, 0, 60000)
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "ct").mkdir()
    for index, dataset in enumerate(make_series("CT")):
        dataset.save_as(tmp_path / "ct" / f"{index}.dcm", enforce_file_format=True)
    (tmp_path / "own_functions.py").write_text(FUNCTIONS)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments, **options):
    return subprocess.run([*COMMAND, *arguments], capture_output="stdout" not in options, timeout=60, **options)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full here")
def test_a_full_standard_output_is_said(folder):
    with open("/dev/full", "w") as full:
        ended = run("inspect", "ct", stdout=full, stderr=subprocess.PIPE)
    assert ended.returncode == 6
    assert ended.stderr.startswith(b"derive: OUT-STDOUT: ")
    assert ended.stderr.count(b"\n") == 1


def test_a_closed_pipe_is_no_error_to_speak_of(folder):
    reads, writes = os.pipe()
    os.close(reads)
    ended = run("inspect", "ct", "--json", stdout=writes, stderr=subprocess.PIPE)
    os.close(writes)
    assert (ended.returncode, ended.stderr) == (141, b"")


def test_names_that_are_no_text_are_written_out(folder):
    os.rename("ct", b"c\xfft\x1b[2J")
    for settings in each([{"LANG": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}, {"LANG": "C.UTF-8"}]):
        ended = run("inspect", b"c\xfft\x1b[2J", env=os.environ | settings)
        assert ended.returncode == 0
        assert ended.stdout.startswith(rb"c\xfft\x1b[2J: 6 files")


def test_a_function_that_fails_is_named_with_its_text_and_line(folder, capsys):
    arguments = ["apply", "ct", "-o", "out", "--code", "Smoothing", "--function"]
    assert main([*arguments, "own_functions:fails"]) == 5
    said = capsys.readouterr().err
    assert rf"fails raised ValueError: what I say \x1b[2J ({folder}/own_functions.py:4)" in said
    assert "Traceback" not in said
    assert main([*arguments, "own_functions:leaves"]) == 5
    assert "leaves raised SystemExit: 3" in capsys.readouterr().err
    assert main([*arguments, "own_functions:fails", "-v"]) == 5
    assert "Traceback" in capsys.readouterr().err
    assert not (folder / "out").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("function", ["sleeps", "blocks"])
def test_a_signal_ends_whatever_is_under_way(folder, function, number):
    arguments = ["apply", "ct", "-o", "out", "--code", "Smoothing", "--function", f"own_functions:{function}"]
    process = subprocess.Popen([*COMMAND, *arguments], stderr=subprocess.PIPE)
    while not (folder / "asleep").exists():
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(number)
    _, said = process.communicate(timeout=20)
    assert process.returncode == 128 + number
    assert b"interrupted; nothing was written" in said
    assert sorted(p.name for p in folder.iterdir() if p.name.endswith(".part") or p.name == "out") == []


def test_nothing_to_check_is_no_success(folder):
    os.mkdir("empty")
    assert main(["check", "empty", "-q"]) == 3
