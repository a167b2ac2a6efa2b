"""How a command says that it failed: our errors as they are, others as one of ours; a traceback with ``-v`` only."""

from __future__ import annotations

import errno
import json
import sys
import traceback
from pathlib import Path

from derive.cli.pages import say
from derive.errors import DeriveError, InternalError, OutputError, SourceError, ValuesError

#: The error that a function of the user's ended in: its text is the user's own, and said to the user.
OF_THE_USER = "OP-FUNCTION"
#: What libraries say, in words of their own, when there is no memory left.
_NO_MEMORY = """insufficient memory, failed to allocate, bad_alloc, cannot allocate, unable to allocate,
failed to map segment, start new thread, out of memory""".replace("\n", " ").split(", ")
_PACKAGE = Path(__file__).parents[1]


def failed(error: BaseException, *, as_json: bool, verbose: bool) -> int:
    """Say an error on standard error, and as JSON on standard output where that is wanted.

    Returns
    -------
    int
        The exit code.
    """
    ours = error if isinstance(error, DeriveError) else _as_ours(error)
    if as_json:
        about = {"code": ours.code, "message": ours.message, "exit_code": ours.exit_code, "facts": ours.facts}
        sys.stdout.write(json.dumps({"schema": "derive-error/1", "error": about}, default=str) + "\n")
    say(f"derive: {ours}", stream=sys.stderr)
    if verbose:
        sys.stderr.write(_trace(error))
    return ours.exit_code


def _as_ours(error: BaseException) -> DeriveError:
    """Return what an error means that nobody expected; its own text may quote a file, and is not repeated."""
    where = _where(error)
    if isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE):
        return OutputError("SYS-FILES", "this process may not open another file; raise the limit (ulimit -n)")
    if isinstance(error, MemoryError) or any(words in str(error).lower() for words in _NO_MEMORY):
        return ValuesError(
            "SYS-MEMORY",
            f"there is not enough memory for this ({where}); take fewer or smaller images at a time, "
            "raise the limit (ulimit -v), or close other programs",
        )
    if isinstance(error, RecursionError):
        return SourceError("SYS-NESTING", f"something is nested too deeply to be read ({where})")
    return InternalError(
        "SYS-UNEXPECTED",
        f"{type(error).__name__} in {where}: this is a fault of derive. With -v it says where it happened: "
        "please report that, it holds no values",
    )


def _where(error: BaseException) -> str:
    """Where in this package an error came up."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if Path(f.filename).is_relative_to(_PACKAGE)]
    return f"{Path(frames[-1].filename).relative_to(_PACKAGE.parent)}:{frames[-1].lineno}" if frames else "a library"


def _trace(error: BaseException) -> str:
    """Return the whole traceback; without the texts of errors that are neither ours nor the user's."""
    cause = error.__cause__
    if isinstance(error, DeriveError) and error.code == OF_THE_USER and cause is not None:
        return "".join(traceback.format_exception(cause))
    lines = [] if cause is None else [_trace(cause), "which led to\n"]
    text = f": {error}" if isinstance(error, DeriveError) else ""
    return "".join([*lines, *traceback.format_tb(error.__traceback__), f"{type(error).__name__}{text}\n"])
