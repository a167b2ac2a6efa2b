"""How long it takes to compress 140 slices without loss: ``python -m tests.benchmarks.compression``.

Whole processes in turn. The other side is a loop of a shell over the files, with gdcmconv (``libgdcm-tools``) and with
dcmcjpls and dcmcjpeg (``dcmtk``), which check nothing: derive decodes each frame again and compares it, and reads each
file back. Rows of what is not installed are left out.
"""

from __future__ import annotations

import argparse
import shlex
import shutil
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from tests.benchmarks.measure import Command, compare
from tests.conftest import DATA

REAL = DATA / "ct_philips_ingenuity_140"


class Tool(NamedTuple):
    """One row: a method of ours, and a tool with its flags."""

    method: str
    tool: str
    flags: tuple[str, ...]


TOOLS = (
    Tool("jpeg2000", "gdcmconv", ("--j2k",)),
    Tool("jpeg-ls", "gdcmconv", ("--jpegls",)),
    Tool("jpeg-ls", "dcmcjpls", ()),
    Tool("jpeg2000", "dcmcjpeg", ("+e1",)),
    Tool("rle", "gdcmconv", ("--rle",)),
)


def loop(tool: Tool, target: Path) -> Command:
    """Return a shell that calls a tool for every file."""
    call = " ".join(map(shlex.quote, (tool.tool, *tool.flags)))
    folder = shlex.quote(str(target))
    script = f'mkdir -p {folder}; for f in {shlex.quote(str(REAL))}/*; do {call} "$f" {folder}/"${{f##*/}}"; done'
    return Command(["sh", "-c", script], target)


def size_of(folder: Path) -> int:
    """Bytes of all files."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    native = size_of(REAL)
    print("| method | derive | CPU | size | the other side | | CPU | size | times faster |\n" + "|---" * 9 + "|")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for tool in TOOLS:
            if shutil.which(tool.tool) is None:
                continue
            ours, theirs = folder / "ours", folder / "theirs"
            words = [sys.executable, "-m", "derive", "decompress", str(REAL), "-o", str(ours), "-q"]
            mine = Command([*words, "--compress", tool.method], ours)
            sides = compare(mine, loop(tool, theirs), folder, arguments.rounds)
            assert sides.theirs is not None, "the other side was run"
            cells = [tool.method, f"{sides.ours.seconds:.2f} s", f"{sides.ours.cpu_s:.2f} s"]
            cells += [f"{size_of(ours) / native:.3f}", " ".join((tool.tool, *tool.flags))]
            cells += [f"{sides.theirs.seconds:.2f} s", f"{sides.theirs.cpu_s:.2f} s", f"{size_of(theirs) / native:.3f}"]
            print(f"| {' | '.join(cells)} | {sides.ratio:.1f} |", flush=True)


if __name__ == "__main__":
    main()
