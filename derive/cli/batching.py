"""``derive batch``: a plan over a tree or an archive, how far it is, and what it came to."""

from __future__ import annotations

import argparse
import sys
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from derive.cli.filtering import filter_flags, filters_of
from derive.cli.output import cleared_by
from derive.cli.pages import RESULT, SOURCE, group_of, say
from derive.cli.shared import common_flags, print_json
from derive.cli.watching import Terminated, ending_with, said
from derive.told.progress import listening
from derive.told.wording import Language, speaking

if TYPE_CHECKING:
    from derive.many.outcome import Outcome
    from derive.many.run import HowFar

#: Seconds between two lines of how far it is, where standard error is no terminal.
LINE_S = 60.0
_INTERRUPTED = 130
_KEPT = "interrupted; what is done is kept, and --resume goes on with it\n"


def flags(parser: argparse.ArgumentParser, command: str) -> None:
    """Add the flags of the command."""
    parser.add_argument("plan", metavar="PLAN", help="rules of which series become what, as TOML")
    source = group_of(parser, SOURCE)
    source.add_argument(
        "--input",
        action="append",
        required=True,
        metavar="FOLDER",
        help="a tree of folders; repeatable; or an archive: its name in derive.toml, AET@host:port, or a DICOMweb root",
    )
    filter_flags(parser)
    result = group_of(parser, RESULT)
    result.add_argument(
        "-o", "--output", required=True, metavar="FOLDER", help="new or empty folder, or an archive that gets results"
    )
    result.add_argument(
        "--resume", action="store_true", help="go on in an output: what is done and still stands is not done again"
    )
    result.add_argument("--dry-run", action="store_true", help="write nothing, and say what would be made and refused")
    result.add_argument("--report", metavar="FILE", help="write a line of JSON for each outcome as it comes")
    result.add_argument(
        "--state", metavar="FOLDER", help="of index and ledger (default: .derive in the output, or beside the plan)"
    )
    work = parser.add_argument_group("work")
    work.add_argument("--workers", type=int, metavar="N", help="processes of this machine (default: the cores)")
    work.add_argument("--scheduler", metavar="ADDRESS", help="of a Dask cluster that exists: tcp://host:8786")
    work.add_argument("--limit", type=int, metavar="N", help="begin so many series at most")
    work.add_argument("--timeout", type=float, metavar="SECONDS", help="that one series may take")
    work.add_argument(
        "--digest",
        choices=["stamps", "content"],
        default="stamps",
        help="whether a source is unchanged by sizes and times of its files, or by their bytes (default: stamps)",
    )
    common_flags(parser)
    parser.set_defaults(run=run, progress=False)


def run(arguments: argparse.Namespace) -> int:
    """Run a plan, and say what it came to; messages of outcomes name keys, which is what a plan has."""
    from derive.many.batch import batch
    from derive.many.plan import Plan

    several = arguments.input[0] if len(arguments.input) == 1 else arguments.input
    with ExitStack() as stack:
        stack.enter_context(ending_with(_KEPT))
        bar = stack.enter_context(Bar(not arguments.quiet))
        stack.enter_context(cleared_by(bar.clear))
        stack.enter_context(listening(bar.stage))
        found = batch(several, Plan.read(arguments.plan), output=arguments.output, **_options(arguments, bar))
        stack.callback(found.close)
        with speaking(Language.PYTHON):
            try:
                for outcome in found:
                    _told(outcome, arguments)
            except KeyboardInterrupt as ended:
                sys.stderr.write(said())
                return ended.exit_code if isinstance(ended, Terminated) else _INTERRUPTED
        bar.clear()
        if arguments.json:
            print_json(found.summary.to_json())
        elif not arguments.quiet:
            say(str(found.summary))
        return found.summary.exit_code


def _options(arguments: argparse.Namespace, bar: Bar) -> dict[str, Any]:
    names = ("workers", "scheduler", "resume", "dry_run", "limit", "digest", "report", "state")
    said = {name: getattr(arguments, name) for name in names}
    return {**said, "timeout_s": arguments.timeout, "filters": filters_of(arguments) or None, "told": bar}


def _told(outcome: Outcome, arguments: argparse.Namespace) -> None:
    """Say each outcome of a dry run, and with ``-v`` of any; without values, as the report has it."""
    if arguments.json or arguments.quiet:
        return
    if arguments.verbose or (arguments.dry_run and outcome.rule):
        say(str(outcome))  # not its folder: that may be named after a patient, and is in the report


class Bar:
    """How far a run is: a bar on a terminal, a line a minute elsewhere.

    Parameters
    ----------
    wanted : bool
    """

    def __init__(self, wanted: bool) -> None:
        self._wanted, self._label = wanted, ""
        self._bar: Any = None
        self._last, self._about = time.monotonic(), ""

    def __enter__(self) -> Bar:
        """Begin."""
        return self

    def __exit__(self, *_: object) -> None:
        """Clear the line, whatever happened."""
        if self._bar is not None:
            self._bar.close()

    def clear(self) -> None:
        """Make room for what is printed."""
        if self._bar is not None:
            self._bar.clear()

    def stage(self, stage: str, done: int, count: int) -> None:
        """Tell how far reading is."""
        if self._wanted and (done % 200 == 0 or done == count):
            self._show(stage, "files", done, count)

    def __call__(self, told: HowFar) -> None:
        """Tell how far the run is."""
        if not self._wanted:
            return
        standing = told.standing
        about = "; ".join(filter(None, [standing.note, standing.dashboard and f"dashboard: {standing.dashboard}"]))
        if about and about != self._about:
            self._about = about
            say(about, stream=sys.stderr)
        counts = ", ".join(f"{count} {ending.value}" for ending, count in told.counts.items() if count)
        words = f"{counts or 'none yet'}; {standing.busy} of {standing.workers} workers busy"
        self._show("deriving", "series", told.done, told.total, words)
        if not _is_terminal() and time.monotonic() - self._last > LINE_S:
            self._last = time.monotonic()
            left = "" if told.left_s is None else f", {told.left_s / 60:.0f} min left"
            say(f"{told.done} of {told.total} series, {told.rate * 60:.1f} a minute{left}: {words}", stream=sys.stderr)

    def _show(self, label: str, unit: str, done: int, count: int, words: str = "") -> None:
        from tqdm import tqdm

        if self._bar is None or label != self._label:
            if self._bar is not None:
                self._bar.close()
            stream = getattr(sys.stderr, "stream", None) or sys.stderr
            self._label = label
            self._bar = tqdm(
                desc=label, unit=f" {unit}", file=stream, disable=None, leave=False, dynamic_ncols=True, delay=1.0
            )
        self._bar.total = count or None
        self._bar.set_postfix_str(words, refresh=False)
        self._bar.update(done - self._bar.n)


def _is_terminal() -> bool:
    stream = getattr(sys.stderr, "stream", None) or sys.stderr
    return bool(stream is not None and stream.isatty())
