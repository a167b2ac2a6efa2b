"""Journals lose nothing that was said, and locks end with their processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

from derive.many.journal import Journal, lines_of
from derive.many.locking import locked
from tests.helpers.asserting import each, raises_code


def test_what_was_appended_is_read(tmp_path):
    path = tmp_path / "new" / "ledger.jsonl"
    assert list(lines_of(path)) == []
    with Journal(path) as journal:
        journal.append({"a": 1}, {"b": "é\n"})
    with Journal(path) as journal:
        journal.append({"c": None})
    assert list(lines_of(path)) == [{"a": 1}, {"b": "é\n"}, {"c": None}]


def test_a_torn_last_line_is_passed_over_and_cut_off(tmp_path):
    path = tmp_path / "ledger.jsonl"
    whole = b'{"a":1}\n{"b":2}\n'
    for end in each(range(1, 9), 8):
        path.write_bytes(whole[: len(whole) - end])
        assert list(lines_of(path)) == [{"a": 1}]
        with Journal(path) as journal:
            journal.append({"c": 3})
        assert list(lines_of(path)) == [{"a": 1}, {"c": 3}]


def test_a_journal_of_one_torn_line_is_empty(tmp_path):
    path = tmp_path / "ledger.jsonl"
    path.write_bytes(b"x" * 200_000)
    Journal(path).close()
    assert path.read_bytes() == b""


def test_another_line_that_is_none_of_ours_is_refused(tmp_path):
    path = tmp_path / "ledger.jsonl"
    for text in each([b"[1]\n", b"hello\n", b'{"a":1}\n\n{"b":2}\n'], 3):
        path.write_bytes(text)
        with raises_code("OUT-FOREIGN"):
            list(lines_of(path))


HOLD = "import sys; from derive.many.locking import locked\nfrom pathlib import Path\n"
HOLD += "with locked(Path(sys.argv[1]), 'x'):\n    print('held', flush=True); sys.stdin.read()"


def test_a_lock_is_held_once_and_ends_with_a_process_that_is_killed(tmp_path):
    path = tmp_path / "lock"
    held = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert held.stdout is not None
    assert held.stdout.readline() == "held\n"
    with raises_code("MANY-LOCKED") as refused, locked(path, "the output"):
        pass
    assert f"process {held.pid} " in refused.value.message
    os.kill(held.pid, signal.SIGKILL)
    held.wait()
    with locked(path, "the output"):
        pass
    with locked(path, "the output"):
        pass
