"""Every operation as a command: a series is read, derived, and written or sent."""

from __future__ import annotations

import argparse
import sys
from contextlib import ExitStack
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING

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
from derive.errors import UsageError
from derive.operations import REGISTRY
from derive.operations.declaration import Function
from derive.operations.kit.scales import UNITLESS

if TYPE_CHECKING:
    from derive.model.segmentation import Segmentation
    from derive.reading.choice import Chosen

SOURCE = "folder, zip archive, or files of one series; or PACS@host:port/SERIES_UID"
SEVERAL_SOURCES = (
    "one series each, in order: folder, zip archive, or file; or PACS@host:port/SERIES_UID; behind the first also a "
    "DICOM Segmentation, or a file that is no DICOM: NIfTI, NRRD, MetaImage"
)


def flags(parser: argparse.ArgumentParser, command: str) -> None:
    """Add the flags of an operation, from its declaration, and what all of them have."""
    kind = REGISTRY[command.replace("-", "_")]
    parser.epilog = example(kind)
    parser.add_argument(
        "source",
        nargs="+",
        metavar="SOURCE",
        help=SEVERAL_SOURCES if kind.others else SOURCE,
    )
    result = group_of(parser, RESULT)
    result.add_argument("-o", "--output", required=True, metavar="FOLDER", help="new or empty folder, or an archive")
    group = parser.add_argument_group("operation")
    add_flags(group, kind)
    first_flags(group, kind)
    series = parser.add_argument_group("series")
    series_flags(series)
    if kind.others:
        series.add_argument(
            "--other-series",
            action="append",
            default=[],
            metavar="SERIES",
            help="which series of the second SOURCE, of the third, ..., as --series says it of the first",
        )
        series.add_argument(
            "--other-units",
            metavar="UNITS",
            help="what the numbers of such a SOURCE are that is no DICOM: HU, or another UCUM code (default: 1)",
        )
    form_flags(series, pictures=bool(kind.taking(Function)) or kind.makes_colours)
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
    first, others = _sources(arguments)
    with ExitStack() as stack:
        found = stack.enter_context(source_folder(first, arguments))
        said: Chosen = {**chosen_of(arguments), "every_stack": True}
        source = derive.read(found, series=arguments.series, assume=dict(arguments.assume), **said)
        named = arguments.other_series if others else []
        beside = [
            _other(stack.enter_context(source_folder([other], arguments)), source, series, arguments)
            for other, series in zip_longest(others, named)
        ]
        operation = arguments.kind(**bound(arguments.kind, arguments, derive.read, beside))
        steps = (*first_steps(arguments, arguments.kind), operation)
        return deliver(derive.build(source, *steps, **series_options(arguments)), arguments)


def _other(
    found: str | list[str], source: derive.SourceSeries, series: str | None, arguments: argparse.Namespace
) -> derive.SourceSeries | Segmentation | derive.Volume:
    """Read a source behind the first: a series, a Segmentation, or a file that is no DICOM."""
    from derive.formats import is_volume_or_picture  # heavy, and no help needs it
    from derive.reading.segmentations import read_other

    path = Path(found) if isinstance(found, str) else None
    if path is not None and is_volume_or_picture(path):
        return derive.read_volume(path, source, units=arguments.other_units or UNITLESS)
    return read_other(found, series)


def _sources(arguments: argparse.Namespace) -> tuple[list[str], list[str]]:
    """Return the files of the first series, and where the others are.

    Raises
    ------
    UsageError
        ``OP-SERIES`` where an operation of several series is given one, or more are named than there are.
    """
    if not arguments.kind.others:
        return arguments.source, []
    first, *others = arguments.source
    if not others and arguments.kind.takes_one_series:
        return [first], []
    if not others or len(arguments.other_series) > len(others):
        told = f"{len(arguments.source)} given, {len(arguments.other_series)} named with --other-series"
        raise UsageError("OP-SERIES", f"{arguments.kind.name} takes two series or more, a SOURCE each; {told}")
    return [first], others
