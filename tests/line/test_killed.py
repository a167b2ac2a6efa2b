"""Commands that are ended at any moment, as processes of their own: the old is there or the new, and nothing else.

``DERIVE_KILLS=200`` ends so many instead of 20: for the night.
"""

from __future__ import annotations

import os
import random
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from derive.cli.main import main
from tests.helpers.asserting import each
from tests.helpers.killing import digests, left
from tests.helpers.sources import make_series

KILLS = int(os.environ.get("DERIVE_KILLS", "20"))
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGKILL)
SLICES = 60
#: Two results that differ, and are the same in every run.
SAME = ["--uids", "reproducible", "--timestamp", "2026-11-30T12:00:00", "--quiet"]
#: A process that takes longer to begin to write hangs.
HANG_S = 60


@pytest.fixture(scope="module")
def ct(tmp_path_factory):
    folder = tmp_path_factory.mktemp("source")
    for k, dataset in enumerate(make_series("CT", count=SLICES)):
        dataset.save_as(folder / f"{k}.dcm", enforce_file_format=True)
    return folder


def words(ct: Path, out: Path, sigma_mm: float, *more: str) -> list[str]:
    return ["gaussian-blur", str(ct), "-o", str(out), "--sigma-mm", str(sigma_mm), *SAME, *more]


@pytest.fixture(scope="module")
def states(ct, tmp_path_factory):
    """What is there before, and what is there afterwards."""
    folder = tmp_path_factory.mktemp("states")
    for name, sigma_mm in (("old", 1.0), ("new", 2.0)):
        assert main(words(ct, folder / name, sigma_mm)) == 0
    return {name: digests(folder / name) for name in ("old", "new")}


def begun(arguments: list[str], place: Path) -> subprocess.Popen[str]:
    """Start a command; return when it begins to write."""
    command = [sys.executable, "-m", "derive", *arguments]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    until = time.monotonic() + HANG_S
    while child.poll() is None and not any(name.endswith(".part") for name in os.listdir(place)):
        assert time.monotonic() < until, "it does not begin to write"
        time.sleep(0.0005)
    return child


@pytest.mark.parametrize("number", range(KILLS))
def test_a_command_that_is_ended_leaves_the_old_or_the_new(number, ct, states, tmp_path):
    chance = random.Random(number)
    ending, overwrite = SIGNALS[number % 3], number % 2 == 0
    out = tmp_path / "out"
    if overwrite:
        assert main(words(ct, out, 1.0)) == 0
    before = states["old"] if overwrite else {}
    child = begun(words(ct, out, 2.0, *(["--overwrite"] if overwrite else [])), tmp_path)
    time.sleep(chance.uniform(0, 0.25))
    child.send_signal(ending)
    _, said = child.communicate(timeout=HANG_S)
    assert "Traceback" not in said
    assert child.returncode in (0, 130, 143, -ending), said
    found = digests(out)
    assert found in (before, states["new"])
    if child.returncode in (130, 143):
        assert (found, left(tmp_path)) == (before, ["out"] if overwrite else [])
    done = main(words(ct, out, 2.0, *(["--overwrite"] if out.exists() else [])))
    assert (done, left(tmp_path), digests(out)) == (0, ["out"], states["new"])


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_while_it_cleans_up_is_no_matter(ending, ct, states, tmp_path):
    out = tmp_path / "out"
    assert main(words(ct, out, 1.0)) == 0
    child = begun(words(ct, out, 2.0, "--overwrite"), tmp_path)
    for _ in range(5):
        child.send_signal(ending)
        time.sleep(0.001)
    child.communicate(timeout=HANG_S)
    assert digests(out) in (states["old"], states["new"])
    assert main(words(ct, out, 2.0, "--overwrite")) == 0
    assert left(tmp_path) == ["out"]


#: Commands that write, and what each may write: an instance has more than so many bytes, and so has a picture.
FULL = {
    "series": (["gaussian-blur", "{ct}", "-o", "{out}", "--sigma-mm", "2", "--overwrite"], "out"),
    "NIfTI": (["convert", "{ct}", "-o", "{out}.nii", "--overwrite"], "out.nii"),
    "NRRD": (["convert", "{ct}", "-o", "{out}.nrrd", "--overwrite"], "out.nrrd"),
    "MetaImage": (["convert", "{ct}", "-o", "{out}.mhd", "--overwrite"], "out.mhd"),
    "numpy": (["convert", "{ct}", "-o", "{out}.npy", "--overwrite"], "out.npy"),
    "picture": (["show", "{ct}", "-o", "{out}.png", "--overwrite"], "out.png"),
}


@pytest.mark.parametrize(("command", "name"), FULL.values(), ids=FULL)
def test_a_disk_that_takes_no_more_leaves_the_old(command, name, ct, tmp_path):
    arguments = [word.format(ct=ct, out=tmp_path / "out") for word in command]
    assert main(arguments) == 0
    before = digests(tmp_path)
    assert any(key.startswith(name) for key in each(before))
    limited = subprocess.run(
        [sys.executable, "-m", "derive", *arguments],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (500, 500)),
        capture_output=True,
        text=True,
        timeout=HANG_S,
        check=False,
        env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert limited.returncode == 6, limited.stderr
    assert "derive: OUT-" in limited.stderr
    assert "Traceback" not in limited.stderr
    assert digests(tmp_path) == before
