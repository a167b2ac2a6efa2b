"""The process that derives: ``python -m`` this module, with tasks on standard input and what became of them on output.

Both are pickled. It ends with the process of the node, however that ends: nobody writes into its store any more then.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import queue
import sys
import threading
from typing import IO, Any

from derive.many.node.work import worked

#: Receiving goes before deriving.
_NICE = 5


def main() -> None:
    """Take tasks until there are no more."""
    # Libraries print; standard output is for what became of tasks.
    tell = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    with contextlib.suppress(AttributeError, OSError):
        os.nice(_NICE)
    tasks: queue.Queue[Any] = queue.Queue()
    threading.Thread(target=_hear, args=(sys.stdin.buffer, tasks), daemon=True).start()
    while True:
        pickle.dump(worked(tasks.get()), tell)
        tell.flush()


def _hear(stream: IO[bytes], tasks: queue.Queue[Any]) -> None:
    """Take tasks as they come; the end of the stream is that of the node, and ends this process at once."""
    try:
        while True:
            tasks.put(pickle.load(stream))
    finally:
        os._exit(0)


if __name__ == "__main__":
    main()
