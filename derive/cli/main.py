"""Parse, run, and turn errors into exit codes.

0 ok, 1 findings, 2 usage, 3 no usable input, 4 geometry, 5 values, 6 output, 7 archive refused, 8 partly stored,
130 interrupted.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Sequence

from derive.cli.commands import parser_of_all
from derive.errors import DeriveError
from derive.limits import set_unpack_gib

INTERRUPTED = 130
#: What others log and we say ourselves, or quote values in.
QUIETER = {"pydicom": logging.ERROR, "pynetdicom": logging.CRITICAL, "urllib3": logging.ERROR}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit code."""
    parser, _ = parser_of_all()
    parsed = parser.parse_args(arguments)
    logging.basicConfig(
        level=logging.WARNING if not parsed.verbose else logging.DEBUG,
        format="%(levelname)s %(name)s: %(message)s",
    )
    logging.captureWarnings(True)
    for name, level in QUIETER.items():
        logging.getLogger(name).setLevel(level)
    try:
        set_unpack_gib(getattr(parsed, "unpack_gib", None))
        return int(parsed.run(parsed))
    except DeriveError as error:
        _say(error, parsed.json)
        return error.exit_code
    except KeyboardInterrupt:
        sys.stderr.write("interrupted; nothing was written\n")
        return INTERRUPTED


def _say(error: DeriveError, as_json: bool) -> None:
    if as_json:
        about = {
            "code": error.code,
            "message": error.message,
            "exit_code": error.exit_code,
            "facts": error.facts,
        }
        sys.stdout.write(json.dumps({"schema": "derive-error/1", "error": about}, default=str) + "\n")
    sys.stderr.write(f"derive: {error}\n")
