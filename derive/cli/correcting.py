"""``derive correct``: headers of objects that exist get other attributes, the old values stay inside."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import derive
from derive.cli.network import deliver_to, destination_of, is_archive, send_flags, source_folder
from derive.cli.pages import RESULT, group_of, say
from derive.cli.shared import assignment, common_flags, print_json, reading_flags, timestamp
from derive.errors import UsageError
from derive.pacs.address import split_series
from derive.rewriting.reason import REASONS


def flags(parser: argparse.ArgumentParser, _: str) -> None:
    """Add the flags."""
    parser.add_argument(
        "source",
        nargs="+",
        metavar="SOURCE",
        help="folders, zip archives or files; PACS@host:port/SERIES_UID, or PACS@host:port with --study-uid",
    )
    parser.add_argument("--study-uid", metavar="UID", help="all series of this study, where SOURCE is an archive")
    _change_flags(parser.add_argument_group("changes"))
    _note_flags(parser.add_argument_group("what is written down"))
    result = group_of(parser, RESULT)
    result.add_argument("-o", "--output", required=True, metavar="FOLDER", help="new or empty folder, or an archive")
    result.add_argument(
        "--overwrite", action="store_true", help="replace a folder that is not empty, if derive wrote all that is in it"
    )
    result.add_argument("--dry-run", action="store_true", help="write nothing and say what would change")
    result.add_argument("--show-values", action="store_true", help="show values that tell whose images they are")
    send_flags(parser.add_argument_group("archive, where -o is one"))
    reading_flags(parser)
    common_flags(parser)
    parser.set_defaults(run=run)


def _change_flags(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add(
        "--set",
        action="append",
        type=assignment,
        default=[],
        metavar="PATH=VALUE",
        help="an attribute and its new value: PatientID=4711, 'RequestAttributesSequence[0].AccessionNumber=A12' "
        "(items are counted from 0); may be given several times",
    )
    add("--remove", action="append", default=[], metavar="PATH", help="an attribute that goes; several times")
    add("--mend", action="store_true", help="mend what derive check finds and a rule can mend without guessing")
    add(
        "--like",
        metavar="OTHER",
        help="take over patient and study of a file, a folder, an answer in JSON, or PACS@host:port/STUDY_UID",
    )
    add(
        "--entities", default="patient,study", metavar="NAMES", help="what is taken over: patient,study (default: both)"
    )
    add("--new-uids", action="store_true", help="new SOP and Series Instance UIDs; references within the set follow")
    add("--uid-prefix", metavar="ROOT", help="the UID root of your organisation, with --new-uids")
    add("--move", action="store_true", help="patients or studies may come together, or a study fall apart")
    add("--reidentify", action="store_true", help="objects may be corrected that say that they are de-identified")
    add(
        "--compute",
        action="append",
        default=[],
        metavar="KEYWORD,...",
        help="what follows from what an object says: PatientAge, PatientBodyMassIndex, AcquisitionDateTime",
    )
    add(
        "--character-set",
        default="",
        metavar="NAME",
        help="encode all texts anew: ISO_IR_192, GB18030, ISO_IR_100, ...",
    )
    add("--text-is", default="", metavar="NAME", help="what texts are in of objects that declare no character set")
    add(
        "--undo",
        nargs="?",
        type=int,
        const=1,
        default=0,
        metavar="N",
        help="take the newest correction back, or the newest N",
    )


def _note_flags(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add(
        "--reason",
        choices=REASONS,
        default="CORRECT",
        help="CORRECT what was wrong, or COERCE what is made to agree with another system (default: CORRECT)",
    )
    add("--source", dest="source_of_values", default="", metavar="TEXT", help="who had the old values")
    add("--timestamp", type=timestamp, metavar="TIME", help="when, instead of now (ISO 8601)")


def run(arguments: argparse.Namespace) -> int:
    """Correct, or say what would be corrected; the source is a folder, or a series in an archive."""
    with _source(arguments) as found, _like(arguments) as like:
        correction = derive.correct(found, **_asked(arguments), like=like)
        if arguments.dry_run:
            return _print_report(correction.plan(), arguments)
        if not is_archive(arguments.output):
            report = correction.write(Path(arguments.output), overwrite=arguments.overwrite)
            return _print_report(report, arguments)
        from derive.writing.unfinished import scratch

        with scratch() as folder:
            report = correction.write(Path(folder) / "objects")
            if not arguments.quiet:
                say(f"{report.summary} for {arguments.output}", stream=sys.stderr)
            return deliver_to(report.folder, destination_of(arguments.output, arguments), arguments)


@contextmanager
def _source(arguments: argparse.Namespace) -> Iterator[str | list[str]]:
    """Give what was named; a study of an archive lies in a temporary folder meanwhile."""
    if not arguments.study_uid:
        with source_folder(arguments.source, arguments) as found:
            yield found
        return
    if len(arguments.source) > 1 or not is_archive(arguments.source[0]):
        raise UsageError("COR-STUDY", "--study-uid names a study of one archive; of a folder name the files")
    from derive.writing.unfinished import scratch

    with scratch() as folder:
        archive = destination_of(arguments.source[0], arguments, new_folder=False)
        yield str(derive.fetch(archive, Path(folder) / "study", study_uid=arguments.study_uid).folder)


@contextmanager
def _like(arguments: argparse.Namespace) -> Iterator[str | Path | None]:
    """Give what is to be taken over; of a study of an archive some objects lie in a temporary folder meanwhile."""
    named = split_series(arguments.like) if arguments.like else None
    if named is None:
        yield arguments.like
        return
    from derive.correction.like import fetched_like

    with fetched_like(destination_of(named[0], arguments, new_folder=False), named[1]) as folder:
        yield folder


def _asked(arguments: argparse.Namespace) -> dict[str, Any]:
    return {
        "set": dict(arguments.set),
        "remove": arguments.remove,
        "compute": [keyword for text in arguments.compute for keyword in text.split(",")],
        "character_set": arguments.character_set,
        "text_is": arguments.text_is,
        "entities": arguments.entities.split(","),
        "mend": arguments.mend,
        "new_uids": arguments.new_uids,
        "uid_prefix": arguments.uid_prefix,
        "is_part": len(arguments.source) == 1 and split_series(arguments.source[0]) is not None,
        "move": arguments.move,
        "reidentify": arguments.reidentify,
        "reason": arguments.reason,
        "source": arguments.source_of_values,
        "undo": arguments.undo,
        "timestamp": arguments.timestamp,
    }


def _print_report(report: derive.CorrectionReport, arguments: argparse.Namespace) -> int:
    if arguments.json:
        print_json(report.to_json(values=arguments.show_values))
    elif not arguments.quiet:
        say(str(report))
        for change in report.changes:
            say(change.shown(values=arguments.show_values))
        for other in report.others:
            say(f"{other.name} is not there: {other.reason}", stream=sys.stderr)
    return 0
