"""``derive explain``, ``derive diff``, ``derive verify``: what was done to written files, and whether it is so."""

from __future__ import annotations

import argparse
from typing import Any

import derive
from derive.cli.pages import say
from derive.cli.shared import assume_flag, common_flags, existing, input_of, print_json, reading_flags

_FILES = "folder, zip archive, or files"
_SOURCES = "the source images: a folder, archive or file; repeatable (default: looked for beside)"


def flags(parser: argparse.ArgumentParser, command: str) -> None:
    """Add the flags of explain, diff or verify."""
    {"explain": _explain_flags, "diff": _diff_flags, "verify": _verify_flags}[command](parser)
    reading_flags(parser)
    assume_flag(parser)
    common_flags(parser)


def _explain_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "source", nargs="+", metavar="SERIES", help=f"{_FILES} of the written series, or one of its instances"
    )
    parser.add_argument("--sources", action="append", metavar="SOURCE", help=_SOURCES)
    parser.add_argument("--tag", metavar="KEYWORD", help="one attribute only: SliceThickness, or 0018,0050")
    parser.add_argument(
        "--full", action="store_true", help="all that the image in the middle says, items of sequences included"
    )
    parser.add_argument("--series", metavar="UID", help="which series, where there are several")
    parser.add_argument("--frame", type=int, metavar="N", help="one frame of a multi-frame instance, from 1")
    _values_flag(parser)
    parser.set_defaults(run=run_explain)


def _diff_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("left", metavar="LEFT", help=_FILES.replace("files", "file"))
    parser.add_argument("right", metavar="RIGHT", help=_FILES.replace("files", "file"))
    _values_flag(parser)
    parser.set_defaults(run=run_diff)


def _values_flag(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--show-values", action="store_true", help="show also the values that tell whose images they are"
    )


def _verify_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", nargs="+", metavar="SERIES", help=f"{_FILES} of the written series")
    parser.add_argument("--sources", action="append", metavar="SOURCE", help=_SOURCES)
    parser.add_argument("--reference", metavar="SERIES", help="series whose grid a resample --reference took")
    parser.add_argument("--by", metavar="FILE", help="registration that a transform --by took")
    parser.add_argument("--series", metavar="UID", help="which series, where there are several")
    parser.add_argument(
        "--within-steps",
        type=float,
        default=0.0,
        metavar="N",
        help="steps of the stored values that a value may be off, for another processor or version (default 0)",
    )
    parser.add_argument("--jobs", type=int, metavar="N", help="threads that work side by side (default: the cores)")
    parser.set_defaults(run=run_verify)


def run_explain(arguments: argparse.Namespace) -> int:
    """Explain; exit code 0 whatever is found."""
    source = input_of(existing(arguments.source))
    sources = input_of(arguments.sources) if arguments.sources else None
    found = derive.explain(
        source,
        sources=sources,
        keyword=arguments.tag,
        series=arguments.series,
        assume=dict(arguments.assume),
        show_values=arguments.show_values,
    )
    found = found if arguments.frame is None else found.of_frame(arguments.frame)
    _deliver(found.in_full() if arguments.full else found, arguments)
    return 0


def run_diff(arguments: argparse.Namespace) -> int:
    """Compare; exit code 0 whatever differs."""
    left, right = existing([arguments.left, arguments.right])
    _deliver(derive.diff(left, right, assume=dict(arguments.assume), show_values=arguments.show_values), arguments)
    return 0


def run_verify(arguments: argparse.Namespace) -> int:
    """Recompute and compare; exit code 1 unless it is the same."""
    source = input_of(existing(arguments.source))
    derive.set_jobs(arguments.jobs)
    found = derive.verify(
        source,
        input_of(arguments.sources) if arguments.sources else None,
        reference=[*filter(None, (arguments.reference, arguments.by))] or None,
        series=arguments.series,
        within_steps=arguments.within_steps,
        assume=dict(arguments.assume),
    )
    _deliver(found, arguments)
    return 0 if found.same else 1


def _deliver(found: Any, arguments: argparse.Namespace) -> None:
    if arguments.json:
        print_json(found.to_json())
    elif not arguments.quiet:
        say(str(found))
