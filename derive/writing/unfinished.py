"""Folders of work under way: each is named after the process that works in it.

So the next run knows what a killed one left. The name is the mark: a folder is there with it or not at all, and there
is no moment at which that of a living process could be taken for a dead one's. A process is told by its number, when it
was started (numbers are used again), and which start of which machine it belongs to; in a container, which one.
"""

from __future__ import annotations

import hashlib
import logging
import os
import platform
import shutil
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import NamedTuple

from derive.reading.files import UNFINISHED
from derive.writing.interruptions import held
from derive.writing.placing import stop_placing, unwound

SUFFIX = ".part"
#: Of the name of a target stands so much in that of its folder; a name of 255 bytes has four bytes a character.
_SHOWN = 40
#: Folders of this process; those that are finished with are gone.
_made: set[Path] = set()
_log = logging.getLogger(__name__)


class Process(NamedTuple):
    """A process, as the name of a folder tells it.

    Parameters
    ----------
    number : int
    started : int
        Ticks after the start of the machine; 0 where the system does not say it.
    boot, place : str
        Digests: of the start of the machine, and of the machine and its space of process numbers.
    """

    number: int
    started: int
    boot: str
    place: str

    @property
    def name(self) -> str:
        """As it stands in the name of a folder."""
        return f"{self.number}-{self.started}-{self.boot}-{self.place}"

    @property
    def is_dead(self) -> bool | None:
        """Whether it has ended; None where that cannot be known from here."""
        if os.name != "posix" or self.place != _place():
            return None
        if self.boot != _boot():
            return True
        now = started(self.number)
        return now is None or (now != self.started and 0 not in (now, self.started))


def this_process() -> Process:
    """Return the process that asks."""
    number = os.getpid()
    return Process(number, started(number) or 0, _boot(), _place())


def started(number: int) -> int | None:
    """When a process was started; None if there is none of this number, 0 where the system does not say."""
    try:
        os.kill(number, 0)
    except (ProcessLookupError, OverflowError):
        return None
    except PermissionError:
        pass  # it is another user's, and there
    said = _text(f"/proc/{number}/stat").rpartition(")")[2].split()
    if said and said[0] in "ZX":
        return None  # it has ended, and nobody has asked how
    return int(said[19]) if said else 0


def new_folder(target: Path) -> Path:
    """Make a folder beside a target, which nobody else looks into.

    Raises
    ------
    OSError
    """
    prefix = f".{target.name[:_SHOWN]}.{this_process().name}-"
    made = Path(tempfile.mkdtemp(prefix=prefix, suffix=SUFFIX, dir=target.parent))
    _made.add(made)
    return made


def finished(folder: Path) -> None:
    """Forget a folder of this process that is gone, or that shall stay."""
    _made.discard(folder)


def abandon() -> None:
    """Put in order what this process is at work in, as it will end here and now: from a thread that is still heard.

    What another thread writes meanwhile can keep a folder there; the next run removes it then.
    """
    stop_placing()
    for folder in list(_made):
        with suppress(OSError):
            if folder.exists() and unwound(folder):
                shutil.rmtree(folder, ignore_errors=True)


def scratch(*, tidy: bool = True) -> tempfile.TemporaryDirectory[str]:
    """Make a folder among the temporary ones, for what is nobody's target.

    Parameters
    ----------
    tidy : bool
        Whether what killed runs left there goes first.

    Raises
    ------
    OSError
    """
    if tidy:
        recover(Path(tempfile.gettempdir()), own=True)
    return tempfile.TemporaryDirectory(prefix=f".derive.{this_process().name}-", suffix=SUFFIX)


def recover(folder: Path, *, own: bool = False) -> None:
    """Put in order what killed runs left in a folder: what they had moved aside is there again, the rest goes.

    What is done, and what has to stay, is logged. A folder of a process that lives, or of another machine, stays.

    Parameters
    ----------
    folder : Path
        It need not be there.
    own : bool
        Whether nothing is said of what belongs to other users: in a folder that all share.
    """
    try:
        names = [name for name in os.listdir(folder) if name.endswith(SUFFIX)]
    except OSError:
        return
    for name in names:
        if found := UNFINISHED.fullmatch(name):
            number, since, boot, place = found.groups()
            _recovered(folder / name, Process(int(number), int(since), boot, place), own=own)


def _recovered(left: Path, writer: Process, *, own: bool) -> None:
    dead, ours = writer.is_dead, _is_own(left)
    if dead is False or (own and not ours):
        return
    if dead is None or not ours:  # what another user wrote into it is not acted upon
        _log.warning("%s was left by %s; delete it if that has ended", left.name, _told(writer, ours))
        return
    claimed = left.with_name(f".derive.{this_process().name}-{left.name[-13:-5]}{SUFFIX}")
    with held():
        try:
            left.rename(claimed)  # of two runs that find it, one has it then
            done = unwound(claimed)
        except FileNotFoundError:
            return
        except OSError as error:
            _log.warning("%s was left by a run that was killed, and stays: %s", left.name, error.strerror)
            return
        if done:
            shutil.rmtree(claimed, ignore_errors=True)
            _log.warning("%s was left by a run that was killed; it is removed", left.name)
        else:
            with suppress(OSError):
                claimed.rename(left)
            _log.warning(
                "%s was left by a run that was killed, and holds what it had replaced; look into it", left.name
            )


def _told(writer: Process, ours: bool) -> str:
    return f"process {writer.number} of {'another machine' if ours else 'another user'}"


def _is_own(folder: Path) -> bool:
    try:
        return not folder.is_symlink() and os.lstat(folder).st_uid == os.geteuid()
    except (OSError, AttributeError):
        return False


@cache
def _boot() -> str:
    return _digest(_text("/proc/sys/kernel/random/boot_id"))


def _place() -> str:
    try:
        space = os.readlink("/proc/self/ns/pid")
    except OSError:
        space = ""
    return _digest(f"{platform.node()} {space}")


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=4).hexdigest()


def _text(path: str) -> str:
    """Return what a file of the system says; nothing where there is none."""
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            return stream.read()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return ""
