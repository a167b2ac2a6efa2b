"""Damaged inputs by the thousand: made from a seed, judged in a process of its own that may hang, print or die.

A *judge* is a function of a module, ``judge(seed, folder) -> str``: it makes the input of a seed in an empty folder,
does what is to be tried, and returns what is wrong, or nothing. It deletes what it made; what else is left counts as
a fault, and so do an exception, a signal, a line on standard output or error, and more than 20 seconds.

``DERIVE_FUZZ=20`` in the environment tries 20 times as many seeds as CI; ``DERIVE_FUZZ_FIRST`` says where to begin.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterable
from multiprocessing.connection import Connection
from pathlib import Path

from derive.errors import DeriveError

HANG_SECONDS = 20
Judge = Callable[[int, Path], str]


def seeds(count: int) -> range:
    """So many seeds in CI, more by the environment."""
    first = int(os.environ.get("DERIVE_FUZZ_FIRST", "0"))
    return range(first, first + int(count * float(os.environ.get("DERIVE_FUZZ", "1"))))


def faults(judge: Judge, wanted: Iterable[int], folder: Path) -> dict[int, str]:
    """What is wrong, by seed."""
    found: dict[int, str] = {}
    worker = _Worker(judge, folder)
    try:
        for seed in wanted:
            if fault := worker.try_seed(seed):
                found[seed] = fault
    finally:
        worker.end()
    return found


def refused(error: Exception) -> str:
    """Nothing for an error of ours with a code and a message of bearable length, else the traceback."""
    if isinstance(error, DeriveError) and error.code and len(error.message) <= 2000:
        return ""
    return "".join(traceback.format_exception(error))[-3000:]


class _Worker:
    """A process that tries one seed after another; another one is started where it dies."""

    def __init__(self, judge: Judge, folder: Path) -> None:
        self.judge, self.folder = judge, folder
        self._start()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=_work, args=(self.judge, self.folder, theirs), daemon=True)
        self.process.start()
        theirs.close()
        assert self.connection.poll(120), "the worker does not start"
        assert self.connection.recv() == "ready"

    def try_seed(self, seed: int) -> str:
        self.connection.send(seed)
        try:
            if self.connection.poll(HANG_SECONDS):
                return str(self.connection.recv())
            fault = f"hangs for {HANG_SECONDS} s"
        except EOFError:
            self.process.join()
            code = self.process.exitcode or 0
            fault = f"dies of {signal.Signals(-code).name}" if code < 0 else f"exits with {code}"
        self.end()
        self._start()
        return fault

    def end(self) -> None:
        self.connection.close()
        self.process.join(2)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()


def _work(judge: Judge, folder: Path, connection: Connection) -> None:
    """What the process does: everything that is printed goes to a file, and everything else into the folder."""
    scratch, printed = folder / "scratch", folder / "printed"
    scratch.mkdir(exist_ok=True)
    with printed.open("wb") as stream:
        os.dup2(stream.fileno(), 1)
        os.dup2(stream.fileno(), 2)
    os.environ["TMPDIR"] = tempfile.tempdir = str(scratch)
    logging.captureWarnings(True)
    connection.send("ready")
    while True:
        try:
            seed = connection.recv()
        except (EOFError, OSError):
            return
        before = _size(printed)
        connection.send(_judged(judge, seed, scratch) or _traces(printed, before, scratch))


def _judged(judge: Judge, seed: int, scratch: Path) -> str:
    try:
        return judge(seed, scratch)
    except BaseException:
        return traceback.format_exc()[-3000:]


def _size(printed: Path) -> int:
    sys.stdout.flush()
    sys.stderr.flush()
    return printed.stat().st_size


def _traces(printed: Path, before: int, scratch: Path) -> str:
    if _size(printed) > before:
        return f"prints {printed.read_bytes()[before : before + 500]!r}"
    left = [p.name for p in scratch.iterdir()]
    for path in scratch.rglob("*"):
        if path.is_file():
            path.unlink()
    return f"leaves {left}" if left else ""
