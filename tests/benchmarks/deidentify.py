"""De-identification beside copying, pydicom, and the tools of others: ``python -m tests.benchmarks.deidentify``.

Each is a whole process over the same files, in turn with all others; what is told is processor time a file, so that a
machine with other work gives nearly the same. The tools of others want other versions of packages than derive: they
are taken from environments of their own, ``--tool dicognito=/path/to/python``, and are left out without one.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import NamedTuple

from tests.benchmarks.measure import Command, Run, median_of
from tests.benchmarks.series import make_series

SLICES = 200
COPY = "import shutil, sys; shutil.copytree(sys.argv[1], sys.argv[2])"
#: What a file costs that pydicom reads and writes, with and without a look at every element.
PYDICOM = """
import pathlib, sys, pydicom
out = pathlib.Path(sys.argv[2]); out.mkdir()
for path in sorted(pathlib.Path(sys.argv[1]).iterdir()):
    dataset = pydicom.dcmread(path)
    {}
    dataset.save_as(out / path.name)
"""
#: The tools of others, by the interpreter of an environment in which they are.
OTHERS = {
    "dcmanon": """
import pathlib, sys, dcmanon
out = pathlib.Path(sys.argv[2]); out.mkdir()
tool = dcmanon.Anonymizer()
for path in sorted(pathlib.Path(sys.argv[1]).iterdir()):
    (out / path.name).write_bytes(tool.anonymize(str(path)))
""",
    "dicognito": """
import pathlib, sys, pydicom
from dicognito.anonymizer import Anonymizer
out = pathlib.Path(sys.argv[2]); out.mkdir()
tool = Anonymizer()
for path in sorted(pathlib.Path(sys.argv[1]).iterdir()):
    dataset = pydicom.dcmread(path)
    tool.anonymize(dataset)
    dataset.save_as(out / path.name)
""",
    "dicom-dre": """
import sys
from dicom_dre.cli import cli
cli(["deidentify", sys.argv[1], "-o", sys.argv[2], "--quiet"])
""",
    "dentdeid": """
import sys
from dentdeid.cli import main
sys.exit(main(["run", sys.argv[1], "-o", sys.argv[2], "--no-previews"]) and 0)
""",
}


class Contender(NamedTuple):
    """A row of the table."""

    name: str
    command: Command


def contenders(source: Path, out: Path, tools: dict[str, str]) -> Iterator[Contender]:
    """Give what is compared."""

    def script(name: str, code: str, python: str = sys.executable) -> Contender:
        return Contender(name, Command([python, "-c", code, str(source), str(out)], out))

    def ours(name: str, *flags: str) -> Contender:
        words = [sys.executable, "-m", "derive", "deidentify", str(source), "-o", str(out), "-q", *flags]
        return Contender(name, Command(words, out))

    yield script("to copy the files", COPY)
    yield ours("`derive deidentify --unverified --jobs 1`", "--unverified", "--jobs", "1")
    yield ours("`derive deidentify --jobs 1`, every file searched", "--jobs", "1")
    yield ours("the same, `--jobs 2`", "--jobs", "2")
    yield script("pydicom reads and writes", PYDICOM.format("pass"))
    yield script("pydicom, every element looked at", PYDICOM.format("for _ in dataset.iterall(): pass"))
    for name, code in OTHERS.items():
        if name in tools:
            yield script(name, code, tools[name])


def row(one: Contender, run: Run) -> str:
    """Return a row; the start of Python and of its packages is in it."""
    each = 1000 * run.cpu_s / SLICES
    return f"| {one.name} | {each:.1f} ms | {run.seconds:.2f} s | {run.peak_mb:.0f} MB |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "derive-benchmarks")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tool", action="append", default=[], metavar="NAME=PYTHON", help=", ".join(OTHERS))
    arguments = parser.parse_args()
    folder = arguments.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    source = make_series(folder / f"ct{SLICES}", SLICES)
    found = list(contenders(source, folder / "deidentified", dict(t.split("=", 1) for t in arguments.tool)))
    runs = median_of([one.command for one in found], folder, arguments.rounds)
    print(f"{date.today()}, {os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}\n")
    print(f"| {SLICES} slices of 0.5 MB | CPU a file | whole run | peak |\n|---|---|---|---|")
    for one, run in zip(found, runs, strict=True):
        print(row(one, run))


if __name__ == "__main__":
    main()
