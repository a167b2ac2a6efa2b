"""Processes that derive: each takes one series after the other, and is replaced when it dies or takes too long."""

from __future__ import annotations

import contextlib
import os
import pickle
import queue
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import IO, Any

from derive.many.node.work import DeriveTask, Worked
from derive.many.outcome import Ending, Outcome

#: After so many series a process is replaced: what libraries do not give back goes with it.
_MOST_TASKS = 100
_LOOK_S = 0.2


class Interrupted(Exception):  # noqa: N818 - the node ends; what was begun is begun again
    """The node ended while a series was derived."""


class Deriver:
    """One process at a time, started when it is needed.

    Parameters
    ----------
    stop : threading.Event
        Set when the node ends.
    """

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop
        self._process: subprocess.Popen[bytes] | None = None
        self._heard: queue.Queue[Any] = queue.Queue()
        self._tasks = 0

    def work(self, task: DeriveTask, timeout_s: float) -> Worked:
        """Have a series derived.

        Raises
        ------
        Interrupted
            If the node ends meanwhile.
        """
        until = time.monotonic() + timeout_s
        try:
            process = self._running()
            assert process.stdin is not None, "it was asked for"
            pickle.dump(task, process.stdin)
            process.stdin.flush()
        except OSError:
            return self._lost("NODE-CRASH", "the process that derives it could not be started, or ended")
        while time.monotonic() < until:
            if self._stop.is_set():
                self.end()
                raise Interrupted
            with contextlib.suppress(queue.Empty):
                told = self._heard.get(timeout=_LOOK_S)
                if not isinstance(told, Worked):
                    return self._lost("NODE-CRASH", "the process that derived it ended before it was done")
                self._tasks += 1
                if self._tasks >= _MOST_TASKS:
                    self.end()
                return told
        return self._lost("MANY-TIMEOUT", f"it took longer than {timeout_s:g} s, which is what one series may take")

    def _lost(self, code: str, message: str) -> Worked:
        self.end()
        ending = Ending.TIMED_OUT if code == "MANY-TIMEOUT" else Ending.FAILED
        return Worked((Outcome(ending, code=code, message=message),))

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            root = str(Path(__file__).parents[3])
            path = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH", ""))))
            self._tasks, self._heard = 0, queue.Queue()
            self._process = subprocess.Popen(
                [sys.executable, "-m", "derive.many.node.process"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                # What libraries say may quote a file: it is heard by nobody.
                stderr=subprocess.DEVNULL,
                env=dict(os.environ, PYTHONPATH=path),
                start_new_session=True,  # Ctrl-C is for the node
            )
            assert self._process.stdout is not None, "it was asked for"
            threading.Thread(target=_hear, args=(self._process.stdout, self._heard), daemon=True).start()
        return self._process

    def end(self) -> None:
        """End its process, whatever it does."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            with contextlib.suppress(OSError):
                if stream is not None:
                    stream.close()


def _hear(stream: IO[bytes], heard: queue.Queue[Any]) -> None:
    """Hand over what a process says; None when it ends."""
    with contextlib.suppress(Exception):  # whatever pickle says of half of something
        while True:
            heard.put(pickle.load(stream))
    heard.put(None)
