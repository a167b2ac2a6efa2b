"""``derive send``, ``find``, ``fetch``, ``echo`` and ``archive``."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any, TextIO

import derive
from derive.cli.filtering import filter_flags, filters_of
from derive.cli.pages import RESULT, group_of, say
from derive.cli.shared import (
    common_flags,
    deidentify_options,
    existing,
    input_of,
    print_json,
    print_plan,
    write,
    write_manifest,
)
from derive.errors import OutputError, UsageError
from derive.pacs.address import parse_entity, split_series
from derive.pacs.config import Destination, load
from derive.pacs.filters import LEVELS, LIMIT

if TYPE_CHECKING:
    from derive.deidentification.derived import DeidentifiedSeries
    from derive.pacs.fetch import Fetched
    from derive.pacs.outcome import Result, Told

ARCHIVE = "PACS@127.0.0.1:4242, https://host/dicom-web, or a name of derive.toml"
ARCHIVE_PORT = 11112


def flags(parser: argparse.ArgumentParser, command: str) -> None:
    """Add the flags of send, find, fetch, echo or archive."""
    add = {
        "send": _send_flags,
        "find": _find_flags,
        "fetch": _fetch_flags,
        "echo": _echo_flags,
        "archive": _archive_flags,
    }
    add[command](parser)
    common_flags(parser)


def _send_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", nargs="+", metavar="SOURCE", help="folders or files")
    parser.add_argument("archive", metavar="ARCHIVE", help=ARCHIVE)
    send_flags(group_of(parser, "archive"))
    group_of(parser, RESULT).add_argument(
        "--dry-run", action="store_true", help="send nothing and say what would be sent"
    )
    parser.set_defaults(run=run_send)


def _find_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("archive", metavar="ARCHIVE", help=f"{ARCHIVE}, or a folder")
    wanted = filter_flags(parser)
    wanted.add_argument("--level", choices=LEVELS, help="what is listed (default: studies; of one study its series)")
    wanted.add_argument("--limit", type=int, default=LIMIT, metavar="N", help=f"so many at most (default {LIMIT})")
    target_flags(group_of(parser, "archive"))
    parser.set_defaults(run=run_find)


def _fetch_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("archive", metavar="ARCHIVE", help=f"{ARCHIVE}, or a folder")
    parser.add_argument(
        "what",
        nargs="*",
        metavar="UID",
        help="a study UID, a series UID, both with a slash between them, or a line of derive find",
    )
    result = group_of(parser, RESULT)
    result.add_argument("-o", "--output", required=True, metavar="FOLDER", help="new or empty folder")
    result.add_argument(
        "--incomplete",
        action="store_true",
        help="keep what came although it is not all (exit code 8), or nobody knows whether it is (9)",
    )
    wanted = filter_flags(parser)
    wanted.add_argument(
        "--from", dest="from_file", metavar="FILE", help="what derive find printed, as JSON or lines; - for its output"
    )
    target_flags(group_of(parser, "archive"))
    result.add_argument(
        "--overwrite",
        action="store_true",
        help="replace a folder of instances that derive wrote, or that come again, as a whole",
    )
    parser.set_defaults(run=run_fetch)


def _echo_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("archive", metavar="ARCHIVE", help=ARCHIVE)
    target_flags(group_of(parser, "archive"))
    parser.set_defaults(run=run_echo)


def _archive_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", metavar="FOLDER", help="where it keeps its instances")
    parser.add_argument("--aet", default="ARCHIVE", help="its AE title (default ARCHIVE)")
    parser.add_argument(
        "--port", type=int, default=ARCHIVE_PORT, help=f"default {ARCHIVE_PORT}; 0 for any that is free"
    )
    parser.add_argument("--host", default="127.0.0.1", help="interface to listen on (default 127.0.0.1)")
    parser.add_argument("--destination", action="append", default=[], metavar="AET@HOST:PORT", help="known to C-MOVE")
    parser.set_defaults(run=run_archive, progress=False)


def send_flags(parser: argparse._ActionsContainer, *, resume: bool = True) -> None:
    """Add how to send; a command that goes on with something else has its own ``--resume``."""
    target_flags(parser)
    parser.add_argument(
        "--verify",
        nargs="?",
        const="instances",
        default="no",
        choices=["instances", "pixels"],
        help="ask the archive afterwards what it has; 'pixels' fetches and compares",
    )
    parser.add_argument("--commit", action="store_true", help="ask for storage commitment")
    if resume:
        parser.add_argument("--resume", action="store_true", help="ask first, and send only what is not there")
    parser.add_argument("--parallel", type=int, metavar="N", help="associations side by side")
    parser.add_argument(
        "--attempts", type=int, default=3, metavar="N", help="for what is refused in passing (default 3)"
    )
    parser.add_argument(
        "--log-json", metavar="FILE", help="one line an instance, as it is known; - for standard output"
    )


def target_flags(parser: argparse._ActionsContainer) -> None:
    """Add how to speak with an archive."""
    parser.add_argument("--aet", help="our AE title (default DERIVE, or that of derive.toml)")
    parser.add_argument("--listen", type=int, metavar="PORT", help="port of ours that the archive answers to")
    parser.add_argument("--token-env", metavar="VARIABLE", help="environment variable with the bearer token")
    parser.add_argument("--timeout", type=float, metavar="SECONDS", help="to wait for every answer of the archive")


def destination_of(text: str, arguments: argparse.Namespace, *, new_folder: bool = True) -> Destination:
    """Return an archive with what the flags say of it; a folder that is not there is one if it can be made."""
    found = load().destination(text, new_folder=new_folder)
    address, seconds = found.address, arguments.timeout
    if seconds is not None and not seconds > 0:
        raise UsageError("NET-TIMEOUT", f"--timeout {seconds}; wanted seconds above 0")
    if arguments.token_env:
        address = address.with_token(arguments.token_env)
    if arguments.aet:
        address = address.calling(arguments.aet)
    if seconds is not None:
        address = address.with_timeout(seconds)
    return replace(found, address=address, listen=arguments.listen or found.listen)


@contextmanager
def source_folder(paths: list[str], arguments: argparse.Namespace) -> Iterator[str | list[str]]:
    """Give what was named on the command line; a series of an archive lies in a temporary folder meanwhile."""
    found = split_series(paths[0]) if len(paths) == 1 else None
    if found is None:
        yield input_of(existing(paths))
        return
    from derive.pacs.fetch import fetched_series

    with fetched_series(destination_of(found[0], arguments, new_folder=False), found[1]) as folder:
        yield str(folder)


def deliver(series: derive.DerivedSeries, arguments: argparse.Namespace) -> int:
    """Write a series and say how it went, or send it to an archive; of a dry run, say what it would be."""
    if arguments.dry_run:
        print_plan(series, arguments)
        return 0
    if options := deidentify_options(arguments):
        return _deliver_deidentified(series.deidentified(**options), arguments)
    if not is_archive(arguments.output):
        write(series, Path(arguments.output), arguments)
        return 0
    from derive.writing.unfinished import scratch

    with scratch() as folder:
        written = series.write(Path(folder) / "series")
        report = replace(written, folder=Path(arguments.output))  # nobody is told where it lies meanwhile
        if arguments.manifest:
            write_manifest(report, arguments)
        if not arguments.quiet:
            say(str(report).replace(" in ", " for ", 1), stream=sys.stderr)
        return deliver_to(written.folder, destination_of(arguments.output, arguments), arguments)


def _deliver_deidentified(clean: DeidentifiedSeries, arguments: argparse.Namespace) -> int:
    """Write or send a series that names nobody; what is not fit to be published goes nowhere."""
    from derive.writing.unfinished import scratch

    if not is_archive(arguments.output):
        report = clean.write(Path(arguments.output), overwrite=arguments.overwrite)
        _print_deidentified(report, arguments)
        return report.exit_code
    with scratch() as folder:
        report = clean.write(Path(folder) / "series")
        told = replace(report, folder=Path(arguments.output))  # nobody is told where it lies meanwhile
        _print_deidentified(told, arguments, stream=sys.stderr)
        if not report.ok:
            return report.exit_code
        return deliver_to(report.folder, destination_of(arguments.output, arguments), arguments)


def _print_deidentified(
    report: derive.DeidentificationReport, arguments: argparse.Namespace, stream: TextIO | None = None
) -> None:
    if arguments.manifest:
        write_manifest(report, arguments)
    if arguments.json and stream is None:
        print_json(report.to_json())
    elif not arguments.quiet:
        say(str(report), stream=stream)


def is_archive(text: str) -> bool:
    """Whether a target is a named or addressed archive, and no folder."""
    return load().destination(text).address.remote


def run_send(arguments: argparse.Namespace) -> int:
    """Send."""
    return deliver_to(arguments.source, destination_of(arguments.archive, arguments), arguments)


def deliver_to(source: Any, destination: Destination, arguments: argparse.Namespace) -> int:
    """Send what is there, and say how it went."""
    with _told(arguments) as told:
        report = derive.send(
            source,
            destination,
            told=told,
            verify=arguments.verify,
            commit=arguments.commit,
            resume=arguments.resume,
            parallel=arguments.parallel,
            attempts=arguments.attempts,
            dry_run=arguments.dry_run,
        )
    _print_sent(report, arguments)
    return report.exit_code


def _print_sent(report: derive.SendReport, arguments: argparse.Namespace) -> None:
    if arguments.json:
        print_json(report.to_json())
    elif not arguments.quiet:
        say(str(report))
    if not report.ok and not arguments.json and not report.options.dry_run:
        for result in report.failed[:5]:
            name = result.file or result.sop_instance_uid
            say(f"{name}: {result.category.value}: {result.comment}", stream=sys.stderr)


@contextmanager
def _told(arguments: argparse.Namespace) -> Iterator[Told | None]:
    """A line of JSON an instance, where that is wanted."""
    if not arguments.log_json:
        yield None
        return
    with ExitStack() as stack:
        stream: TextIO = sys.stdout
        if arguments.log_json != "-":
            stream = stack.enter_context(_log_of(Path(arguments.log_json)))

        def told(result: Result) -> None:
            stream.write(json.dumps(result.to_json()) + "\n")
            stream.flush()

        yield told


def _log_of(path: Path) -> TextIO:
    """Open a log to be gone on with: nothing else that is there is written to."""
    from derive.writing.atomic import refuse_files, unwritable

    try:
        refuse_files([path], overwrite=True)
        if path.exists() and path.stat().st_size:
            with path.open("rb") as there:
                if there.read(1) != b"{":
                    raise OutputError(
                        "OUT-FOREIGN", f"{path.name} is there, and is no log of derive; choose another name"
                    )
        return path.open("a", encoding="utf-8")
    except OSError as error:
        raise unwritable(path.name, error) from error


def run_find(arguments: argparse.Namespace) -> int:
    """List what an archive has."""
    found = derive.find(
        destination_of(arguments.archive, arguments, new_folder=False),
        level=arguments.level,
        limit=arguments.limit,
        **filters_of(arguments),
    )
    if arguments.json:
        print_json(found.to_json())
    elif not arguments.quiet:
        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
        sys.stdout.write(f"{found.table(width)}\n")
    return 0


def run_fetch(arguments: argparse.Namespace) -> int:
    """Fetch what filters, UIDs or lines of ``find`` name."""
    destination, filters = destination_of(arguments.archive, arguments, new_folder=False), filters_of(arguments)
    how: dict[str, Any] = {"overwrite": arguments.overwrite, "incomplete": arguments.incomplete}
    named = " ".join(arguments.what)
    if arguments.from_file:
        named = f"{named}\n{_text_of(arguments.from_file)}" if named else _text_of(arguments.from_file)
    if named and filters:
        raise UsageError("NET-FILTER", "series are named by their UIDs, and by filters too; give one of these")
    if named:
        fetched = _fetched_by_name(destination, named, Path(arguments.output), how)
    else:
        fetched = derive.fetch(destination, arguments.output, **how, **filters)
    if arguments.json:
        print_json(fetched.to_json())
    elif not arguments.quiet:
        say(str(fetched))
    return fetched.exit_code


def _fetched_by_name(destination: Destination, named: str, folder: Path, how: dict[str, Any]) -> Fetched:
    from derive.pacs.archive import archive_at
    from derive.pacs.fetch import fetch_series
    from derive.pacs.find import named_series, uids_in

    pairs, archive = uids_in(named), archive_at(destination)
    return fetch_series(archive, named_series(archive, pairs), folder, **how)


def _text_of(name: str) -> str:
    """Read what find printed."""
    try:
        data = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        raise UsageError("NET-FROM", f"{name} cannot be read: {error.strerror}") from error
    return data.decode("utf-8", "replace")


def run_echo(arguments: argparse.Namespace) -> int:
    """Ask whether an archive is there."""
    from derive.pacs.archive import archive_at

    destination = destination_of(arguments.archive, arguments, new_folder=False)
    seconds = archive_at(destination).echo()
    if arguments.json:
        print_json({"schema": "derive-echo/1", "archive": str(destination.address), "seconds": seconds})
    elif not arguments.quiet:
        sys.stdout.write(f"{destination.address} answered in {seconds * 1000:.0f} ms\n")
    return 0


def run_archive(arguments: argparse.Namespace) -> int:
    """Run the small archive until it is interrupted."""
    from derive.pacs.service.service import ArchiveService

    known = {}
    for text in arguments.destination:
        address = parse_entity(text)
        known[address.aet] = (address.host, address.port)
    with ArchiveService(
        Path(arguments.folder), aet=arguments.aet, host=arguments.host, port=arguments.port, destinations=known
    ) as service:
        sys.stderr.write(f"{service.describe()}\n")
        with suppress(KeyboardInterrupt):
            Event().wait()
    return 0
