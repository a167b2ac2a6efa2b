"""``derive capture``: pages of pictures of a series as Secondary Capture."""

from __future__ import annotations

import argparse

import derive
from derive.cli.network import deliver, send_flags, source_folder
from derive.cli.pages import RESULT, group_of
from derive.cli.shared import (
    PICTURES,
    burned_in_flag,
    check_manifest,
    chosen_of,
    common_flags,
    output_flags,
    reading_flags,
    series_flags,
    series_options,
)
from derive.model.axes import DISPLAY

#: What can be said of the pages, as :class:`derive.display.capturing.Capture` has it.
ON_PAGES = ("layout", "plane", "every", "window", "letters", "scale", "captions", "patient")


def flags(parser: argparse.ArgumentParser, _: str) -> None:
    """Add the flags."""
    parser.add_argument(
        "source",
        nargs="+",
        metavar="SOURCE",
        help="folder, zip archive, or files of one series; or PACS@host:port/SERIES_UID",
    )
    result = group_of(parser, RESULT)
    result.add_argument("-o", "--output", required=True, metavar="FOLDER", help="new or empty folder, or an archive")
    _page_flags(parser.add_argument_group("pages"))
    series = parser.add_argument_group("series")
    series_flags(series)
    series.add_argument(
        "--as", dest="into", choices=PICTURES, default=PICTURES[0], help="an instance a page, or all pages in one"
    )
    burned_in_flag(series)
    output_flags(parser)
    send_flags(parser.add_argument_group("archive, where -o is one"))
    reading_flags(parser)
    common_flags(parser)
    parser.set_defaults(run=run)


def _page_flags(pages: argparse._ArgumentGroup) -> None:
    """Add what is on a page."""
    pages.add_argument(
        "--layout", default="3x3", metavar="ROWSxCOLUMNS", help="pictures below and beside each other (default 3x3)"
    )
    pages.add_argument("--plane", choices=list(DISPLAY), help="plane of the volume's own grid (default: its slices)")
    pages.add_argument(
        "--every",
        type=int,
        metavar="N",
        help="each Nth slice, on as many pages as it takes (default: one page, its slices spread evenly)",
    )
    pages.add_argument(
        "--window", type=float, nargs=2, metavar=("CENTER", "WIDTH"), help="instead of the series' own window"
    )
    pages.add_argument("--letters", action="store_true", help="letters of the patient's sides: R L A P H F")
    pages.add_argument("--scale", action="store_true", help="a scale in mm below each picture")
    pages.add_argument("--captions", action="store_true", help="which slice it is, and where")
    pages.add_argument(
        "--patient",
        action="store_true",
        help="write the patient's name and ID on the pages; Burned In Annotation says YES then",
    )


def run(arguments: argparse.Namespace) -> int:
    """Draw the pages and write them, or send them."""
    check_manifest(arguments)
    derive.set_jobs(arguments.jobs)
    with source_folder(arguments.source, arguments) as found:
        source = derive.read(found, series=arguments.series, assume=dict(arguments.assume), **chosen_of(arguments))
        said = {name: getattr(arguments, name) for name in ON_PAGES}
        return deliver(derive.capture(source, **said, **series_options(arguments)), arguments)
