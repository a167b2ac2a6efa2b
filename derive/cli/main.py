"""Parse, run, and turn errors into exit codes.

0 ok, 1 findings, 2 usage, 3 no usable input, 4 geometry, 5 values, 6 output, 7 archive refused, 8 partly stored,
9 not known whether an archive has everything, 70 a fault of derive, 130 interrupted, 141 nobody reads on,
143 terminated.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import suppress

from derive.cli.commands import parser_of_all
from derive.cli.failing import failed
from derive.cli.output import UNHEARD, Unheard, quiet_others, shown_streams
from derive.cli.progress import stages
from derive.cli.watching import Terminated, ended_by_signals
from derive.errors import OutputError
from derive.limits import set_unpack_gib
from derive.told.wording import Language, speaking

INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit code."""
    try:
        with shown_streams():
            return _ended(arguments)
    except Unheard:
        return UNHEARD
    except OutputError as error:  # standard output is full: what is said of it goes to standard error
        with suppress(Exception):
            sys.stderr.write(f"derive: {error}\n")
        return error.exit_code


def _ended(arguments: Sequence[str] | None) -> int:
    try:
        with ended_by_signals(), speaking(Language.COMMAND_LINE):
            return _run(arguments)
    except KeyboardInterrupt as ended:
        sys.stderr.write("interrupted; nothing was written\n")
        return ended.exit_code if isinstance(ended, Terminated) else INTERRUPTED
    except Unheard:
        raise
    except Exception as error:  # before the flags are known
        return failed(error, as_json=False, verbose=False)


def _run(arguments: Sequence[str] | None) -> int:
    parser, _ = parser_of_all()
    parsed = parser.parse_args(arguments)
    try:
        with quiet_others(parsed.verbose), stages(not parsed.quiet and getattr(parsed, "progress", True)):
            set_unpack_gib(getattr(parsed, "unpack_gib", None))
            return int(parsed.run(parsed))
    except Unheard:
        raise
    except Exception as error:  # whatever nobody expected is said as our own
        return failed(error, as_json=parsed.json, verbose=parsed.verbose)
