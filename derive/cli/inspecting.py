"""``derive inspect``: what is in a folder, and what would be said to each stack of it."""

from __future__ import annotations

import argparse
import sys
import textwrap
from contextlib import nullcontext

from derive.cli.progress import Progress
from derive.cli.shared import EXIT_CODES, common_flags, input_of, print_json
from derive.inspection import inspect

NOTHING, WIDTH = 3, 100
DESCRIPTION = (
    "List every stack of images in a folder and all folders in it, a zip archive, or files: its class, geometry, "
    "gaps, tilt, times, odd slices, values and compression, and what each operation would say to it, with the error "
    "codes and the flag that would change it. Only headers are read; a file that cannot be read is listed and stops "
    "nothing. Whose images they are is not shown, only of how many patients and studies. Exit code 3: no DICOM object."
)
EXAMPLES = """examples:
  derive inspect exam/
  derive inspect exam.zip --json
  derive inspect ct/*.dcm
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the sub-command."""
    parser = subparsers.add_parser(
        "inspect",
        help="List the stacks of a folder, and what each operation would say to them.",
        description=textwrap.fill(DESCRIPTION, WIDTH),
        epilog=f"{EXAMPLES}\n{EXIT_CODES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("source", nargs="+", metavar="SOURCE", help="folders, zip archives, or files")
    common_flags(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Inspect; exit code 3 if there is no DICOM object."""
    with nullcontext() if arguments.quiet else Progress("inspecting", "files") as progress:
        inspection = inspect(input_of(arguments.source), progress=progress)
    if arguments.json:
        print_json(inspection.to_json())
    else:
        sys.stdout.write(f"{inspection}\n")
    return 0 if inspection.stacks or inspection.objects else NOTHING
