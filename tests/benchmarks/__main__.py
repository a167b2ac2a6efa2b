"""Compare the command line with what one would write without it: ``python -m tests.benchmarks``.

It makes its own series of 400 and 3,000 slices in a folder that is kept for the next time, runs both sides in
turn several times, whole processes, and prints medians, ratios and peak memory as a table.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import NamedTuple

from derive.conversion.export import export
from derive.reading.read import read
from tests.benchmarks.frames import make_enhanced
from tests.benchmarks.measure import Command, Sides, compare
from tests.benchmarks.series import make_series
from tests.conftest import DATA

RECIPES = Path(__file__).with_name("recipes.py")
#: The other side of the conversion: ``pip install '.[benchmark]'``.
NIFTI2DICOM = "nifti2dicom"
REAL = DATA / "ct_philips_ingenuity_140"


class Job(NamedTuple):
    """One row of the table."""

    name: str
    arguments: list[str]
    source: Path | None
    recipe: str | None
    reference: Path | None = None
    several: int = 1


def jobs(folder: Path) -> Iterator[Job]:
    """Give the rows; the series they need are made when their turn comes."""
    few, many = folder / "ct400", folder / "ct3000"
    blur = ["gaussian-blur", "--sigma-mm", "1"]
    yield Job("`gaussian-blur --sigma-mm 1`, 400 slices", blur, few, "blur")
    yield Job("the same, 140 slices of a scanner", blur, REAL, "blur")
    yield Job("`resample --spacing-mm 1`, 400 slices", ["resample", "--spacing-mm", "1"], few, "resample")
    yield Job("`mip --slab-mm 10 --step-mm 1`, 400 slices", ["mip", "--slab-mm", "10", "--step-mm", "1"], few, "mip")
    oblique = ["reformat", "--normal", "0", "1", "1", "--spacing-mm", "1"]
    yield Job("`reformat --normal 0 1 1 --spacing-mm 1`, 400 slices", oblique, few, "reformat")
    yield Job("`subtract`, 400 slices from as many", ["subtract"], few, "subtract", several=2)
    nifti = folder / "ct400.nii.gz"
    yield Job("`convert --reference`, NIfTI of 400 slices, against `nifti2dicom`", ["convert"], nifti, NIFTI2DICOM, few)
    yield Job("`gaussian-blur --sigma-mm 1`, 3,000 slices", blur, many, None)
    one, long = folder / "enhanced400.dcm", folder / "enhanced3000.dcm"
    yield Job("the same, 400 frames of one Enhanced CT, against 400 files and derive", blur, one, "files", few)
    yield Job("the same, 3,000 frames of one Enhanced CT", blur, long, None, few)
    yield Job('`derive --help`, against `python -c "import pydicom"`', ["--help"], None, None)


def make_nifti(path: Path, series: Path) -> None:
    """Write a series as NIfTI; what is there already is kept."""
    if not path.exists():
        export(read(make_series(series, int(series.name.removeprefix("ct")))), path)


def run(job: Job, folder: Path, rounds: int) -> Sides | None:
    """Run a row; None if its data are not there."""
    python, ours, theirs = sys.executable, folder / "ours", folder / "theirs"
    if job.source is None:
        other = Command([python, "-c", "import pydicom"])
        return compare(Command([python, "-m", "derive", *job.arguments]), other, folder, rounds)
    if job.source.suffix == ".dcm":
        return run_frames(job, folder, rounds)
    if job.reference is not None:
        make_nifti(job.source, job.reference)
        return run_conversion(job, job.reference, folder, rounds)
    if job.source.parent == folder:
        make_series(job.source, int(job.source.name.removeprefix("ct")))
    elif not job.source.exists():
        return None
    name, *flags = job.arguments
    sources = [str(job.source)] * job.several  # a series is read again as often as another would be
    mine = Command([python, "-m", "derive", name, *sources, "-o", str(ours), "-q", *flags], ours)
    recipe = Command([python, str(RECIPES), job.recipe, *sources, str(theirs)], theirs) if job.recipe else None
    return compare(mine, recipe, folder, rounds)


def run_frames(job: Job, folder: Path, rounds: int) -> Sides:
    """Run an operation on one instance of many frames; the other side is ours too, on the files that they are of."""
    series = make_series(job.reference, int(job.reference.name.removeprefix("ct")))
    one = make_enhanced(job.source, series, int(job.source.stem.removeprefix("enhanced")))
    name, *flags = job.arguments
    sides = [
        Command([sys.executable, "-m", "derive", name, str(source), "-o", str(target), "-q", *flags], target)
        for source, target in ((one, folder / "ours"), (series, folder / "theirs"))
    ]
    return compare(sides[0], sides[1] if job.recipe else None, folder, rounds)


def run_conversion(job: Job, reference: Path, folder: Path, rounds: int) -> Sides | None:
    """Run a conversion; the other side is a tool of its own, where it is installed."""
    ours, theirs = folder / "ours", folder / "theirs"
    tool = shutil.which(NIFTI2DICOM, path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
    given = [str(job.source), "--reference", str(reference), "-o"]
    mine = Command([sys.executable, "-m", "derive", *job.arguments, *given, str(ours), "-q"], ours)
    return compare(mine, Command([tool, *given, str(theirs)], theirs) if tool else None, folder, rounds)


def row(job: Job, sides: Sides) -> str:
    """Return the row of the table."""
    ours = f"{sides.ours.seconds:.2f} s | {sides.ours.peak_mb:.0f} MB"
    if sides.theirs is None or sides.ratio is None:
        return f"| {job.name} | {ours} | | | |"
    theirs = f"{sides.theirs.seconds:.2f} s | {sides.theirs.peak_mb:.0f} MB"
    return f"| {job.name} | {ours} | {theirs} | {sides.ratio:.1f} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "derive-benchmarks")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", help="rows whose name has this in it")
    arguments = parser.parse_args()
    folder = arguments.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    print(f"{date.today()}, {os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}\n")
    print("| job | derive | peak | the other side | peak | times faster |\n|---|---|---|---|---|---|")
    for job in jobs(folder):
        if not arguments.only or arguments.only in job.name:
            sides = run(job, folder, arguments.rounds)
            print(row(job, sides) if sides else f"| {job.name} | no data in {DATA} | | | | |", flush=True)


if __name__ == "__main__":
    main()
