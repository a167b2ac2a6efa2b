"""Whole processes: how long they take, and the most memory they have."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

#: Bytes in the unit of ru_maxrss.
_RSS_UNIT = 1 if sys.platform == "darwin" else 1024


class Run(NamedTuple):
    """What one process took."""

    seconds: float
    peak_mb: float
    cpu_s: float = 0.0


@dataclass(frozen=True)
class Command:
    """A command line, and the folder that it makes."""

    arguments: Sequence[str]
    target: Path | None = None

    def run(self, folder: Path) -> Run:
        """Run it in a folder; what it made before is removed first.

        Raises
        ------
        subprocess.CalledProcessError
            If it fails.
        """
        if self.target is not None:
            shutil.rmtree(self.target, ignore_errors=True)
        # Measured from a small process: what starts another lends it its own peak until that begins.
        measured = subprocess.run(
            [sys.executable, "-I", __file__, *self.arguments], cwd=folder, stdout=subprocess.PIPE, check=True
        )
        return Run(*map(float, measured.stdout.split()))


class Sides(NamedTuple):
    """Medians of ours and theirs, and of the ratios of runs that followed each other."""

    ours: Run
    theirs: Run | None
    ratio: float | None


def compare(ours: Command, theirs: Command | None, folder: Path, rounds: int) -> Sides:
    """Run both sides in turn; a first round, which warms the file cache, is not counted."""
    both = [(ours.run(folder), theirs.run(folder) if theirs else None) for _ in range(rounds + 1)][1:]
    mine, other = [a for a, _ in both], [b for _, b in both if b is not None]
    ratios = [b.seconds / a.seconds for a, b in both if b is not None]
    return Sides(_median(mine), _median(other) if other else None, statistics.median(ratios) if ratios else None)


def median_of(commands: Sequence[Command], folder: Path, rounds: int) -> list[Run]:
    """Run several commands in turn, so that all of them meet the same machine; the first round is not counted."""
    turns = [[command.run(folder) for command in commands] for _ in range(rounds + 1)][1:]
    return [_median(runs) for runs in zip(*turns, strict=True)]


def _median(runs: Sequence[Run]) -> Run:
    return Run(*(statistics.median(column) for column in zip(*runs, strict=True)))


def _measure(arguments: Sequence[str]) -> int:
    """Run a command; print its seconds, its peak memory, and the seconds that processors worked for it."""
    begin = time.perf_counter()
    process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    cpu_s = usage.ru_utime + usage.ru_stime
    print(time.perf_counter() - begin, usage.ru_maxrss * _RSS_UNIT / 1e6, cpu_s)
    return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    sys.exit(_measure(sys.argv[1:]))
