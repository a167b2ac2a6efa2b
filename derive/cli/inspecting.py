"""``derive inspect``: what is in a folder, and what would be said to each stack of it."""

from __future__ import annotations

import argparse
from functools import partial

import derive
from derive.cli.pages import say
from derive.cli.shared import assume_flag, common_flags, existing, input_of, print_json, reading_flags
from derive.told.progress import tell

NOTHING = 3
DESCRIPTION = (
    "List every stack of images in a folder and all folders in it, a zip archive, or files: its class, geometry, "
    "gaps, tilt, times, odd slices, values and compression, and what each operation would say to it, with the error "
    "codes and the flag that would change it. Only headers are read; a file that cannot be read is listed and stops "
    "nothing. Whose images they are is not shown, only of how many patients and studies. Exit code 3: no DICOM object."
)


def flags(parser: argparse.ArgumentParser, _: str) -> None:
    """Add the flags."""
    parser.description = DESCRIPTION
    parser.add_argument("source", nargs="+", metavar="SOURCE", help="folders, zip archives, or files")
    reading_flags(parser)
    assume_flag(parser)
    common_flags(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Inspect; exit code 3 if there is no DICOM object."""
    source = input_of(existing(arguments.source))
    inspection = derive.inspect(source, progress=partial(tell, "inspecting"), assume=dict(arguments.assume))
    if arguments.json:
        print_json(inspection.to_json())
    else:
        say(str(inspection))
    return 0 if inspection.stacks or inspection.objects else NOTHING
