"""``derive explain``, ``derive diff``, ``derive verify``: what was done to written files, and whether it is so."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from derive.cli.shared import EXIT_CODES, common_flags, input_of, print_json
from derive.parallel import set_jobs
from derive.records.diff import diff
from derive.records.explain import explain
from derive.records.verify import verify

_FILES = "folder, zip archive, or files"


def add_parsers(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add explain, diff and verify."""
    _explain_parser(subparsers)
    _diff_parser(subparsers)
    _verify_parser(subparsers)


def _explain_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = _parser(
        subparsers,
        "explain",
        "Say of every attribute of a written series where it comes from, by which rule, and what was dropped.",
        "derive explain out/ --sources ct/ --tag SliceThickness",
    )
    parser.add_argument("source", nargs="+", help=f"{_FILES} of the written series, or one of its instances")
    parser.add_argument("--sources", nargs="+", metavar="SOURCE", help="the source images (default: looked for beside)")
    parser.add_argument("--tag", metavar="KEYWORD", help="one attribute only: SliceThickness, or 0018,0050")
    parser.add_argument("--series", metavar="UID", help="which series, where there are several")
    common_flags(parser)
    parser.set_defaults(run=run_explain)


def _diff_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = _parser(
        subparsers,
        "diff",
        "Show what differs between two series or files: by entity, in geometry, and in values on the same grid.",
        "derive diff ct/ out/",
    )
    parser.add_argument("left", help=_FILES.replace("files", "file"))
    parser.add_argument("right", help=_FILES.replace("files", "file"))
    common_flags(parser)
    parser.set_defaults(run=run_diff)


def _verify_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = _parser(
        subparsers,
        "verify",
        "Recompute a written series from its record and sources: SAME (exit code 0), DIFFERS or NOT-RECOMPUTABLE (1).",
        "derive verify out/ --sources ct/",
    )
    parser.add_argument("source", nargs="+", help=f"{_FILES} of the written series")
    parser.add_argument("--sources", nargs="+", metavar="SOURCE", help="the source images (default: looked for beside)")
    parser.add_argument("--reference", metavar="SERIES", help="series whose grid a resample --reference took")
    parser.add_argument("--series", metavar="UID", help="which series, where there are several")
    parser.add_argument(
        "--within-steps",
        type=float,
        default=0.0,
        metavar="N",
        help="steps of the stored values that a value may be off, for another processor or version (default 0)",
    )
    parser.add_argument("--jobs", type=int, metavar="N", help="threads that work side by side (default: the cores)")
    common_flags(parser)
    parser.set_defaults(run=run_verify)


def _parser(
    subparsers: argparse._SubParsersAction[argparse.ArgumentParser], name: str, what: str, example: str
) -> argparse.ArgumentParser:
    return subparsers.add_parser(name, help=what, description=what, epilog=f"example: {example} -- {EXIT_CODES}")


def run_explain(arguments: argparse.Namespace) -> int:
    """Explain; exit code 0 whatever is found."""
    sources = input_of(arguments.sources) if arguments.sources else None
    _deliver(
        explain(input_of(arguments.source), sources=sources, keyword=arguments.tag, series=arguments.series), arguments
    )
    return 0


def run_diff(arguments: argparse.Namespace) -> int:
    """Compare; exit code 0 whatever differs."""
    _deliver(diff(arguments.left, arguments.right), arguments)
    return 0


def run_verify(arguments: argparse.Namespace) -> int:
    """Recompute and compare; exit code 1 unless it is the same."""
    set_jobs(arguments.jobs)
    found = verify(
        input_of(arguments.source),
        input_of(arguments.sources) if arguments.sources else None,
        reference=arguments.reference,
        series=arguments.series,
        within_steps=arguments.within_steps,
    )
    _deliver(found, arguments)
    return 0 if found.same else 1


def _deliver(found: Any, arguments: argparse.Namespace) -> None:
    if arguments.json:
        print_json(found.to_json())
    elif not arguments.quiet:
        sys.stdout.write(f"{found}\n")
