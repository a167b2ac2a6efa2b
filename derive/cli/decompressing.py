"""``derive decompress``: objects that exist get native pixels, or are compressed in another way without loss."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import derive
from derive.cli.network import deliver_to, destination_of, is_archive, send_flags, source_folder
from derive.cli.pages import RESULT, group_of, say
from derive.cli.shared import common_flags, compress_flag, print_json, reading_flags


def flags(parser: argparse.ArgumentParser, _: str) -> None:
    """Add the flags."""
    parser.add_argument(
        "source",
        nargs="+",
        metavar="SOURCE",
        help="folders, zip archives or files of any kind; or PACS@host:port/SERIES_UID",
    )
    result = group_of(parser, RESULT)
    result.add_argument("-o", "--output", required=True, metavar="FOLDER", help="new or empty folder, or an archive")
    result.add_argument(
        "--overwrite", action="store_true", help="replace a folder that is not empty, if derive wrote all that is in it"
    )
    compress_flag(result)
    result.add_argument("--jobs", type=int, metavar="N", help="threads that work side by side (default: the cores)")
    send_flags(parser.add_argument_group("archive, where -o is one"))
    reading_flags(parser)
    common_flags(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Decompress; the source is a folder, or a series in an archive."""
    derive.set_jobs(arguments.jobs)
    with source_folder(arguments.source, arguments) as found:
        made = derive.decompress(found, compress=arguments.compress)
        if not is_archive(arguments.output):
            _print(made.write(Path(arguments.output), overwrite=arguments.overwrite), arguments)
            return 0
        from derive.writing.unfinished import scratch

        with scratch() as folder:
            report = made.write(Path(folder) / "objects")
            if not arguments.quiet:
                say(f"{report.summary} for {arguments.output}", stream=sys.stderr)
            return deliver_to(report.folder, destination_of(arguments.output, arguments), arguments)


def _print(report: derive.DecompressionReport, arguments: argparse.Namespace) -> None:
    if arguments.json:
        print_json(report.to_json())
    elif not arguments.quiet:
        say(str(report))
        for other in report.others:
            say(f"{other.name} is not there: {other.reason}", stream=sys.stderr)
