"""How a command says that it failed: our errors as they are, others as one of ours; a traceback with ``-v`` only."""

from __future__ import annotations

import json
import sys

from derive.cli.pages import say
from derive.errors import as_ours, trace_of


def failed(error: BaseException, *, as_json: bool, verbose: bool) -> int:
    """Say an error on standard error, and as JSON on standard output where that is wanted.

    Returns
    -------
    int
        The exit code.
    """
    ours = as_ours(error)
    if as_json:
        about = {"code": ours.code, "message": ours.message, "exit_code": ours.exit_code, "facts": ours.facts}
        sys.stdout.write(json.dumps({"schema": "derive-error/1", "error": about}, default=str) + "\n")
    say(f"derive: {ours}", stream=sys.stderr)
    if verbose:
        sys.stderr.write(trace_of(error))
    return ours.exit_code
