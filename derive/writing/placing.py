"""New files and folders take the place of old ones: at one stroke, or, where the system lacks that, able to be undone.

What takes more than one rename is written down first, in a file among what is moved: whoever comes later, and be it
after the process was killed, puts the old back unless all of the new is in its place.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

_PLAN, _OLD, _PLACING = "moves.json", "old.{}", "placing"
#: Of renameat2 (Linux) and of renamex_np (macOS).
_EXCHANGE, _SWAP, _HERE = 2, 2, -100
_NOT_THERE = (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EPERM)


class Move(NamedTuple):
    """What goes where."""

    new: Path
    target: Path


class _Turn:
    """Who places has a lock: a process that has to end puts things in order in another thread, and must not meet it."""

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Have a lock that nobody holds."""
        self.lock, self.over = threading.RLock(), False


_turn = _Turn()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_turn.begin)


@contextmanager
def _placing() -> Iterator[None]:
    with _turn.lock:
        if _turn.over:
            raise OSError(errno.ECANCELED, os.strerror(errno.ECANCELED))
        yield


def stop_placing() -> None:
    """Wait for what is being placed; after that nothing is placed any more in this process."""
    with _turn.lock:
        _turn.over = True


def exchange(one: Path, other: Path) -> bool:
    """Let two files or folders of one file system have each other's name, at one stroke.

    Returns
    -------
    bool
        False where the system, or the file system, cannot.

    Raises
    ------
    OSError
        If it could, and does not.
    """
    paths = os.fsencode(one), os.fsencode(other)
    library: Any = ctypes.CDLL(None, use_errno=True) if os.name == "posix" else None
    if sys.platform == "darwin" and hasattr(library, "renamex_np"):
        failed = library.renamex_np(*paths, _SWAP)
    elif hasattr(library, "renameat2"):
        failed = library.renameat2(_HERE, paths[0], _HERE, paths[1], _EXCHANGE)
    else:
        return False
    if not failed:
        return True
    if (number := ctypes.get_errno()) in _NOT_THERE:
        return False
    raise OSError(number, os.strerror(number), str(other))


def place_folder(move: Move) -> None:
    """Let a folder have a name that is free, or that of an empty folder.

    Raises
    ------
    OSError
    """
    with _placing():
        os.rename(*move)


def replace_folder(part: Path, move: Move) -> Path:
    """Let a folder take the place of another one.

    Parameters
    ----------
    part : Path
        The folder of the work under way; the new one is in it.
    move : Move

    Returns
    -------
    Path
        Where the old one is now.

    Raises
    ------
    OSError
        :func:`unwound` puts back what was moved then.
    """
    with _placing():
        if exchange(*move):
            return move.new
        kept = part / _OLD.format(0)
        _write_plan(part, [move])
        os.rename(move.target, kept)
        os.rename(move.new, move.target)
        return kept


def put_back_folder(part: Path, move: Move, kept: Path) -> None:
    """Undo :func:`replace_folder`."""
    if kept != move.new:
        os.rename(move.target, move.new)
        os.rename(kept, move.target)
    elif not exchange(kept, move.target):
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS), str(move.target))


def place_files(part: Path, moves: Sequence[Move], *, overwrite: bool) -> None:
    """Put new files in their place, the last one last: it says whether all of them are there.

    Raises
    ------
    FileExistsError
        Without `overwrite`, if a name is taken.
    OSError
        :func:`unwound` puts back what was moved then.
    """
    with _placing():
        if overwrite and len(moves) == 1:
            os.replace(*moves[0])
            return
        _write_plan(part, moves)
        for number, move in enumerate(moves):
            if not overwrite:
                _link(*move)
                continue
            if os.path.lexists(move.target):
                _keep(move.target, part / _OLD.format(number))
            _replace(move, part / _PLACING)


def unwound(part: Path) -> bool:
    """Put back what was moved aside, unless all of the new is in its place.

    Returns
    -------
    bool
        Whether nothing is left in `part` that was there before; False where its place is taken by another.

    Raises
    ------
    OSError
    """
    moves = _read_plan(part)
    if not moves or _is_placed(moves[-1]):
        return True
    done = True
    for number, move in enumerate(moves):
        kept = part / _OLD.format(number)
        if not os.path.lexists(kept):
            if _is_placed(move) and os.path.lexists(move.target):
                move.target.unlink()
        elif not os.path.lexists(move.target) or _is_placed(move):
            os.replace(kept, move.target)
        else:
            done &= _is_same(kept, move.target)
    return done


def _write_plan(part: Path, moves: Sequence[Move]) -> None:
    plan = [[os.path.relpath(new, part), target.name] for new, target in moves]
    writing = part / f"{_PLAN}.new"
    writing.write_text(json.dumps(plan), encoding="ascii")
    writing.rename(part / _PLAN)  # it is there as a whole, or nothing was moved


def _read_plan(part: Path) -> list[Move]:
    try:
        plan = json.loads((part / _PLAN).read_text(encoding="ascii"))
    except FileNotFoundError:
        return []
    if any(os.path.basename(name) != name or name in ("", ".", "..") for _, name in plan):
        raise OSError(errno.EINVAL, "it names files of other folders")
    return [Move(part / new, part.parent / name) for new, name in plan]


def _is_placed(move: Move) -> bool:
    """Whether the new is in its place: it has both names then, or, where there are no links, its old one is gone."""
    return not os.path.lexists(move.new) or _is_same(*move)


def _is_same(one: Path, other: Path) -> bool:
    try:
        return os.path.samestat(os.lstat(one), os.lstat(other))
    except OSError:
        return False


def _keep(file: Path, kept: Path) -> None:
    """Give what is there a second name, so that it is never gone; where there are no links, another one."""
    try:
        os.link(file, kept, follow_symlinks=False)
    except (OSError, NotImplementedError):
        os.rename(file, kept)


def _replace(move: Move, placing: Path) -> None:
    try:
        os.link(move.new, placing)
    except OSError:
        os.replace(*move)
        return
    os.replace(placing, move.target)


def _link(new: Path, file: Path) -> None:
    """Give a file its name unless something has it; a rename would replace that."""
    try:
        os.link(new, file)
    except FileExistsError:
        raise
    except OSError as error:  # a file system without links
        if os.path.lexists(file):
            raise FileExistsError(error.errno, "exists") from error
        os.replace(new, file)
