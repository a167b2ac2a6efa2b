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

#: Flags that go to derive.deidentify under their own names, where they were given.
_PLAIN = (
    *("key_env", "uid_map", "external", "date_scope", "date_shift", "patient_id", "patient_name", "id_map"),
    *("id_map_create", "keep_tokens", "review", "blank", "templates", "us_regions", "ocr", "ocr_text", "burned_in"),
    *("encapsulated", "layout", "dicomdir", "resume", "overwrite", "dry_run", "jobs"),
)


def flags(parser: argparse.ArgumentParser, _: str) -> None:
    """Add the flags."""
    parser.add_argument(
        "source", nargs="+", metavar="SOURCE", help="folders, zip archives or files; or PACS@host:port/SERIES_UID"
    )
    profile_flags(parser)
    _key_flags(parser.add_argument_group("keys and names"))
    _text_flags(parser.add_argument_group("texts"))
    _pixel_flags(parser.add_argument_group("pixels"))
    _result_flags(group_of(parser, RESULT))
    send_flags(parser.add_argument_group("archive, where -o is one"), resume=False)
    reading_flags(parser)
    common_flags(parser)
    parser.set_defaults(run=run)


def _key_flags(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add(
        "--key-env",
        metavar="VARIABLE",
        help="environment variable with the key of which new UIDs, shifts of dates and "
        "names follow (default: what derive.toml says, else a random one, and then runs are not consistent)",
    )
    add("--uid-map", metavar="FILE", help="keep what became of each UID, in a SQLite file; keep that secret")
    add("--external", choices=["map", "remove"], help="references that lead out of the set (default: map)")
    add(
        "--date-shift",
        metavar="DAYS",
        help="range of the shift of dates, such as -365..-1, with --retain modified-dates",
    )
    add(
        "--date-scope", choices=["patient", "study", "series", "instance"], help="what has one shift (default: patient)"
    )
    add("--patient-id", metavar="ID", help="what the one patient of the set is called")
    add("--patient-name", metavar="NAME", help="Patient's Name of that patient (default: the ID)")
    add("--id-map", metavar="CSV", help="old and new Patient IDs")
    add("--id-map-create", action="store_true", help="write patients that it lacks into it")


def _text_flags(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--keep-tokens", metavar="FILE", help="words that may stay in cleaned descriptors, one a line: all others go")
    add(
        "--review",
        metavar="FILE",
        help="list the free text that is kept, each text once, for a person to look at: it holds values",
    )
    add(
        "--encapsulated",
        choices=["refuse", "skip", "keep"],
        help="documents in objects (PDF, CDA, STL), which nothing can clean (default: refuse)",
    )


def _pixel_flags(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add(
        "--blank",
        action="append",
        metavar="X,Y,W,H",
        help="blank a box in every image; negative X, Y from the far edge; repeatable",
    )
    add("--us-regions", choices=["keep"], help="keep the regions of ultrasound images and blank all else")
    add("--templates", metavar="FILE", help="boxes by what a header says: TOML, a CTP pixel script, a recipe of deid")
    add(
        "--ocr",
        choices=["report", "blank", "off"],
        help="recognised text is said, or blanked, or not looked for "
        "(default: said where an image is likely to have some)",
    )
    add("--ocr-text", choices=["all", "sensitive"], help="what of it counts (default: all)")
    add(
        "--burned-in",
        choices=["refuse", "skip", "keep", "vouched"],
        help="images that may have text burned in and were "
        "not cleaned; vouched: a person has looked at them, and there is none (default: refuse)",
    )


def _result_flags(group: argparse._ArgumentGroup) -> None:
    group.add_argument("-o", "--output", required=True, metavar="FOLDER", help="new or empty folder, or an archive")
    group.add_argument(
        "--layout",
        choices=["tree", "flat"],
        help="folders of patients, studies and series (default), or all files in one",
    )
    group.add_argument(
        "--dicomdir", action="store_true", help="make a DICOMDIR, and name folders as a medium may have them"
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
    given = {name: getattr(arguments, name) for name in _PLAIN}
    said = {name: value for name, value in given.items() if value not in (None, False)}
    return {**profile_options(arguments), "verify": not arguments.unverified, "jobs": None, **said}


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
