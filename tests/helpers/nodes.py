"""Nodes on loopback, with a plan that smooths CT and leaves all else, and ways to wait for them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from derive.many.node.node import Node
from derive.many.node.settings import Doors, NodeSettings
from derive.many.node.status import NodeStatus

PLAN = """
[[rule]]
name = "smooth"
select = { Modality = "CT" }
steps = ["gaussian_blur(sigma_mm=1)"]
"""
#: Long enough for a machine that eight others use; what is waited for comes in seconds on one that is free.
PATIENCE_S = 240.0


def plan_in(folder: Path, text: str = PLAN) -> Path:
    """Write a plan."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "plan.toml"
    file.write_text(text)
    return file


@contextmanager
def node(folder: Path, to: str, *, plan: str = PLAN, doors: Doors | None = None, **settings) -> Iterator[Node]:
    """Run a node in this process; its store is ``folder/node``."""
    doors = doors or Doors(port=0)
    said = {"quiet_seconds": 0.5, "retry_seconds": 0.3, **settings}
    with Node(plan_in(folder, plan), NodeSettings(to=to, store=folder / "node", doors=doors, **said)) as running:
        yield running


def until(condition: Callable[[], object], why: Callable[[], object] = str) -> None:
    """Wait until something holds."""
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end, f"it never came to that: {why()}"
        time.sleep(0.05)


def settled(running: Node, **states: int) -> NodeStatus:
    """Wait until so many series are in each state, and none on its way; return the status."""
    wanted = {"received": 0, "complete": 0, "derived": 0, **states}
    until(lambda: wanted.items() <= dict(running.status().series).items(), lambda: running.status())
    return running.status()
