"""``derive deidentify``: a set of objects becomes one that names nobody."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import derive
from derive.cli.network import deliver_to, destination_of, is_archive, send_flags, source_folder
from derive.cli.pages import RESULT, group_of, say
from derive.cli.profiles import profile_flags, profile_options
from derive.cli.shared import common_flags, print_json, reading_flags, sources_of
from derive.errors import OutputError

#: Flags that go to derive.deidentify under their own names.
_PLAIN = ("layout", "encapsulated", "resume", "overwrite", "dry_run", "jobs")


def flags(parser: argparse.ArgumentParser, _: str) -> None:
    """Add the flags."""
    parser.add_argument(
        "source", nargs="+", metavar="SOURCE", help="folders, zip archives or files; or PACS@host:port/SERIES_UID"
    )
    profile_flags(parser)
    _key_flags(parser.add_argument_group("keys and names"))
    _object_flags(parser.add_argument_group("objects"))
    _result_flags(group_of(parser, RESULT))
    send_flags(parser.add_argument_group("archive, where -o is one"), resume=False)
    reading_flags(parser)
    common_flags(parser)
    parser.set_defaults(run=run)


def _key_flags(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--key-env",
        metavar="VARIABLE",
        help="environment variable with the key of which new UIDs, dates and names follow (default: a random key, and "
        "what derive.toml says of one)",
    )


def _object_flags(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--encapsulated",
        choices=["refuse", "skip", "keep"],
        default="refuse",
        help="documents in objects (PDF, CDA, STL), which nothing can clean (default: refuse)",
    )


def _result_flags(group: argparse._ArgumentGroup) -> None:
    group.add_argument("-o", "--output", required=True, metavar="FOLDER", help="new or empty folder, or an archive")
    group.add_argument(
        "--layout",
        choices=["tree", "flat"],
        default="tree",
        help="folders of patients, studies and series (default), or all files in one",
    )
    group.add_argument("--resume", action="store_true", help="go on where a run with the same key ended")
    group.add_argument(
        "--overwrite",
        action="store_true",
        help="replace a folder that is not empty, as a whole, if derive wrote all that is in it; and a report",
    )
    group.add_argument("--report", metavar="FILE", help="write what became of every attribute of every object as JSON")
    group.add_argument("--dry-run", action="store_true", help="write nothing and say what would be done")
    group.add_argument("--unverified", action="store_true", help="do not search what was written; say so in the report")
    group.add_argument("--jobs", type=int, metavar="N", help="processes that work side by side (default: the cores)")


def run(arguments: argparse.Namespace) -> int:
    """De-identify into a folder, or into an archive; exit code 1 if something is not published."""
    _check_report(arguments)
    with source_folder(arguments.source, arguments) as found:
        if arguments.dry_run or not is_archive(arguments.output):
            report = derive.deidentify(found, arguments.output, **_options(arguments))
            return _told(report, arguments)
        return _sent(found, arguments)


def _options(arguments: argparse.Namespace) -> dict[str, Any]:
    plain = {name: getattr(arguments, name) for name in _PLAIN}
    said = {"key_env": arguments.key_env, "verify": not arguments.unverified}
    return {**profile_options(arguments), **plain, **{k: v for k, v in said.items() if v is not None}}


def _sent(found: Any, arguments: argparse.Namespace) -> int:
    """De-identify into a temporary folder and send what is published; what is not goes nowhere."""
    from derive.writing.unfinished import scratch

    destination = destination_of(arguments.output, arguments)
    with scratch() as folder:
        out = Path(folder) / "out"
        written = derive.deidentify(found, out, **_options(arguments))
        report = replace(written, folder=Path(arguments.output))  # nobody is told where it lies meanwhile
        code = _told(report, arguments, stream=sys.stderr)
        if not report.published:
            return code
        return deliver_to(out, destination, argparse.Namespace(**{**vars(arguments), "resume": False})) or code


def _told(report: derive.DeidentificationReport, arguments: argparse.Namespace, stream: Any = None) -> int:
    if arguments.report:
        from derive.writing.atomic import write_file

        data = f"{json.dumps(report.to_json(), indent=1)}\n".encode()
        write_file(Path(arguments.report), data, overwrite=arguments.overwrite)
    if arguments.json and stream is None:
        print_json(report.to_json())
    elif not arguments.quiet:
        say(str(report), stream=stream)
    return report.exit_code


def _check_report(arguments: argparse.Namespace) -> None:
    """Refuse a report that cannot be written, or that would lie among what is published, before any work."""
    if not arguments.report:
        return
    from derive.writing.atomic import refuse_files

    report, output = Path(arguments.report), Path(arguments.output).resolve()
    refuse_files([report], sources_of(arguments), overwrite=arguments.overwrite)
    if output in report.resolve().parents:
        raise OutputError("OUT-MANIFEST", f"{report.name} would lie among what is published; put it beside it")
    if not report.absolute().parent.is_dir():
        raise OutputError("OUT-MANIFEST", f"{report.name} cannot be written: no such folder")
