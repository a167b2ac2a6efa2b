"""``derive batch-report``: what became of every series of a run."""

from __future__ import annotations

import argparse
from pathlib import Path

from derive.cli.pages import RESULT, group_of, say
from derive.cli.shared import common_flags, print_json


def flags(parser: argparse.ArgumentParser, command: str) -> None:
    """Add the flags of the command."""
    parser.add_argument("report", metavar="REPORT", help="what derive batch wrote with --report")
    result = group_of(parser, RESULT)
    result.add_argument("--html", metavar="FILE", help="write a page that is one file, and opens in any browser")
    result.add_argument(
        "--thumbnails",
        metavar="OUTPUT",
        help="folder of the results: the page shows a slice of sources and results; pictures of patients are in it",
    )
    result.add_argument("--most", type=int, default=60, metavar="N", help="so many pairs of pictures (default 60)")
    result.add_argument("--overwrite", action="store_true", help="replace a page that is there")
    common_flags(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Sum a report up; the exit code is that of its run."""
    from derive.many.page import page_of
    from derive.many.report import summary_of
    from derive.many.thumbnails import thumbnails_of
    from derive.writing.atomic import write_file

    report = Path(arguments.report)
    summary = summary_of(report)
    if arguments.html:
        pictures = thumbnails_of(report, Path(arguments.thumbnails), arguments.most) if arguments.thumbnails else ()
        page = page_of(report, summary, pictures)
        write_file(Path(arguments.html), page.encode(), overwrite=arguments.overwrite)
    if arguments.json:
        print_json(summary.to_json())
    elif not arguments.quiet:
        say(str(summary))
    return summary.exit_code
