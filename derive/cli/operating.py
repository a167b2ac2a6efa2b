"""Every operation as a command: a series is read, derived, and written or sent."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import derive
from derive.cli.flags import add_flags, bound, example, first_flags, first_steps
from derive.cli.network import deliver, send_flags, source_folder
from derive.cli.pages import RESULT, group_of
from derive.cli.shared import (
    check_manifest,
    chosen_of,
    common_flags,
    form_flags,
    output_flags,
    reading_flags,
    series_flags,
    series_options,
)
from derive.operations import REGISTRY


def flags(parser: argparse.ArgumentParser, command: str) -> None:
    """Add the flags of an operation, from its declaration, and what all of them have."""
    kind = REGISTRY[command.replace("-", "_")]
    parser.epilog = example(kind)
    parser.add_argument(
        "source",
        nargs="+",
        metavar="SOURCE",
        help="folder, zip archive, or files of one series; or PACS@host:port/SERIES_UID",
    )
    result = group_of(parser, RESULT)
    result.add_argument("-o", "--output", required=True, metavar="FOLDER", help="new or empty folder, or an archive")
    group = parser.add_argument_group("operation")
    add_flags(group, kind)
    first_flags(group, kind)
    series = parser.add_argument_group("series")
    series_flags(series)
    form_flags(series)
    output_flags(parser)
    send_flags(parser.add_argument_group("archive, where -o is one"))
    reading_flags(parser)
    common_flags(parser)
    parser.set_defaults(run=run, kind=kind)


def run(arguments: argparse.Namespace) -> int:
    """Derive a series and write it, or send it; the source is a folder, or a series in an archive."""
    if getattr(arguments, "function", None) and str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))  # as python -m does, so that one's own module is found
    check_manifest(arguments)
    derive.set_jobs(arguments.jobs)
    with source_folder(arguments.source, arguments) as found:
        source = derive.read(found, series=arguments.series, assume=dict(arguments.assume), **chosen_of(arguments))
        operation = arguments.kind(**bound(arguments.kind, arguments, derive.read))
        steps = (*first_steps(arguments, arguments.kind), operation)
        return deliver(derive.build(source, *steps, **series_options(arguments)), arguments)
