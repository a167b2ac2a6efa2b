"""``derive batch`` against a loop of a shell, and two workers against one: ``python -m tests.benchmarks.batch``.

Everything is measured in one run, in turn, so that a busy machine makes both sides slow. Of processors' time a line is
printed too: on a machine that others use it says more than what a clock shows.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from tests.helpers.trees import small_series, tree_of, written_plan

PLAN = """
[[rule]]
name = "all"
steps = ["gaussian_blur(sigma_mm=1)"]
"""
DERIVE = [sys.executable, "-m", "derive"]


class Taken(NamedTuple):
    """Seconds by a clock, and of processors."""

    wall: float
    processor: float


def taken(*commands: list[str]) -> Taken:
    """Run commands one after another."""

    def processor() -> float:
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime

    wall, before = time.monotonic(), processor()
    for command in commands:
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return Taken(time.monotonic() - wall, processor() - before)


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--series", type=int, default=200, help="how many (default 200)")
    parser.add_argument("--images", type=int, default=10, help="of each series (default 10)")
    parser.add_argument("--side", type=int, default=64, help="rows and columns of each (default 64)")
    parser.add_argument("--loop", type=int, default=40, help="so many of them by the loop (default 40)")
    said = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        images = small_series("CT", said.images, (said.side, said.side))
        tree_of(root / "archive", said.series, {"CT": images}, kinds=("CT",))
        plan = written_plan(root, PLAN)
        sources = sorted({p.parent for p in (root / "archive").rglob("IM0000.dcm")})[: said.loop]
        blur = [*DERIVE, "gaussian-blur"]
        loop = taken(
            *([*blur, str(s), "-o", str(root / "l" / str(n)), "--sigma-mm", "1"] for n, s in enumerate(sources))
        )
        batch = [*DERIVE, "batch", str(plan), "--input", str(root / "archive"), "-q"]
        one, two = (taken([*batch, "-o", str(root / f"b{n}"), "--workers", str(n)]) for n in (1, 2))
    a_series = [
        Taken(*(part / len(sources) for part in loop)),
        *(Taken(*(p / said.series for p in t)) for t in (one, two)),
    ]
    print(f"{said.series} series of {said.images} images of {said.side} x {said.side}; seconds a series")
    for name, each in zip(("shell loop", "1 worker", "2 workers"), a_series, strict=True):
        print(f"{name:12} {each.wall:8.3f} by the clock {each.processor:8.3f} of processors")
    looped, single, double = a_series
    print(f"throughput of a core against the loop: {looped.wall / single.wall:.2f} by the clock", end=", ")
    print(f"{looped.processor / single.processor:.2f} by processors' time")
    print(f"2 workers against 1: {single.wall / double.wall:.2f} by the clock")


if __name__ == "__main__":
    main()
