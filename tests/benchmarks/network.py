"""Compare sending with dcmtk's storescu: ``python -m tests.benchmarks.network``.

300 slices of 512 x 512 to Orthanc and to storescp on loopback, whole processes in turn; each archive takes a new series
every time, and is asked afterwards how many instances it has.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from subprocess import DEVNULL, run
from typing import NamedTuple

import pydicom
from pydicom.uid import generate_uid

from tests.benchmarks.series import make_series
from tests.helpers import servers

SLICES = 300


class Rate(NamedTuple):
    """Seconds of both sides, run in turn."""

    ours: list[float]
    theirs: list[float]

    def row(self, name: str) -> str:
        """Return the row of the table."""
        ours, theirs = statistics.median(self.ours), statistics.median(self.theirs)
        ratio = statistics.median(o / t for o, t in zip(self.ours, self.theirs, strict=True))
        return (
            f"| {name} | {ours:.2f} s, {SLICES / ours:.0f}/s | {theirs:.2f} s, {SLICES / theirs:.0f}/s | {ratio:.2f} |"
        )


def renewed(source: Path, target: Path) -> Path:
    """Copy a series with new UIDs: an archive that has it already would do less."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    series = generate_uid(None)
    for path in sorted(source.iterdir()):
        dataset = pydicom.dcmread(path)
        dataset.SeriesInstanceUID, dataset.SOPInstanceUID = series, generate_uid(None)
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        dataset.save_as(target / path.name, enforce_file_format=True)
    return target


def timed(command: list[str]) -> float:
    """Seconds of a process that ends well."""
    begin = time.perf_counter()
    run(command, check=True, stdout=DEVNULL, stderr=DEVNULL)
    return time.perf_counter() - begin


def compare(server: servers.Server, source: Path, folder: Path, rounds: int, held: Callable[[], int]) -> Rate:
    """Send by both sides in turn; all has to be there in the end."""
    rate, already = Rate([], []), held()
    for _ in range(rounds):
        ours = renewed(source, folder / "ours")
        rate.ours.append(timed([sys.executable, "-m", "derive", "send", str(ours), server.address, "-q"]))
        theirs = renewed(source, folder / "theirs")
        storescu = [
            servers.program("storescu"),
            "-aec",
            server.aet,
            "127.0.0.1",
            str(server.port),
            "+sd",
            "+r",
            str(theirs),
        ]
        rate.theirs.append(timed(storescu))
    assert held() - already == 2 * rounds * SLICES, "not everything arrived"
    return rate


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "derive-benchmarks")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    os.environ["TCP_NODELAY"] = "1"  # of storescu too
    source = make_series(arguments.folder.resolve() / f"ct{SLICES}", SLICES)
    print(f"{date.today()}, {os.cpu_count()} cores\n\n| archive | derive send | storescu | ratio |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with servers.orthanc(folder / "orthanc") as server:
            held = lambda: int(server.ask("/statistics")["CountInstances"])  # noqa: E731 - one line is enough
            print(compare(server, source, folder, arguments.rounds, held).row("Orthanc"), flush=True)
        with servers.storescp(folder / "storescp") as server:
            held = lambda: len(list((server.folder / "in").iterdir()))  # noqa: E731 - as above
            print(compare(server, source, folder, arguments.rounds, held).row("storescp"), flush=True)


if __name__ == "__main__":
    main()
