"""The harness sees what it is there to see."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from derive.errors import SourceError
from tests.helpers import fuzzing


def judge(seed: int, folder: Path) -> str:
    """Do one thing that is not to be done."""
    if seed == 1:
        time.sleep(60)
    if seed == 2:
        os.kill(os.getpid(), signal.SIGSEGV)
    if seed == 3:
        os.write(2, b"a warning of a library")
    if seed == 4:
        (folder / "left").write_text("behind")
    if seed == 5:
        raise RecursionError("deep")
    return "wrong" if seed == 6 else ""


def test_every_kind_of_fault_is_seen(tmp_path, monkeypatch):
    monkeypatch.setattr(fuzzing, "HANG_SECONDS", 2)
    found = fuzzing.faults(judge, range(8), tmp_path)
    wanted = {1: "hangs", 2: "SIGSEGV", 3: "a warning", 4: "left", 5: "RecursionError", 6: "wrong"}
    assert found.keys() == wanted.keys()
    assert [seed for seed, words in wanted.items() if words not in found[seed]] == []


def test_an_error_of_ours_is_no_fault():
    assert fuzzing.refused(SourceError("SRC-NONE", "nothing")) == ""
    assert "KeyError" in fuzzing.refused(KeyError("x"))
