"""Other processes do the same as this one, in the same order, and end with it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from itertools import count

import pytest

from derive.errors import GeometryError, InternalError
from derive.parallel import in_processes
from tests.helpers.asserting import each, raises_code

begun: list[int] = []


def begin():
    begun.append(os.getpid())


def work(number):
    """What a process does with an item; 13 is one that cannot be done, 14 ends the process."""
    if number == 13:
        raise GeometryError("GEO-GAP", "a gap", files=["a.dcm"])
    if number == 14:
        os.kill(os.getpid(), signal.SIGKILL)
    return number, os.getpid(), begun[-1]


@pytest.mark.parametrize("processes", [1, 2, 3])
def test_results_come_in_the_order_of_the_items_from_processes_that_were_set_up(processes):
    found = list(in_processes(work, range(12), processes, begin))
    assert [number for number, _, _ in found] == list(range(12))
    pids = {pid for _, pid, _ in found}
    assert 1 <= len(pids) <= processes
    assert (os.getpid() in pids) == (processes == 1)
    assert {pid for _, _, pid in found} == pids, "every process that worked was set up"


def test_of_items_without_end_only_some_are_taken_ahead():
    taken = count()
    found = in_processes(work, (0 * next(taken) for _ in iter(int, 1)), 2, begin)
    next(found)
    assert next(taken) <= 8
    found.close()


@pytest.mark.parametrize("processes", [1, 2])
def test_an_error_comes_back_whole(processes):
    with raises_code("GEO-GAP") as caught:
        list(in_processes(work, range(10, 14), processes, begin))
    assert caught.value.facts == {"files": ["a.dcm"]}


def test_a_process_that_is_killed_is_said():
    with raises_code("SYS-PROCESS", InternalError):
        list(in_processes(work, [1, 14, 2, 3], 2, begin))


WAITING = """
import os, time
from derive.parallel import in_processes
def begin(): pass
def work(number):
    print(os.getpid(), flush=True)
    time.sleep(60)
list(in_processes(work, range(2), 2, begin))
"""


@pytest.mark.skipif(os.name != "posix", reason="processes are told by signals that only POSIX has")
def test_processes_end_with_the_one_that_is_killed():
    parent = subprocess.Popen([sys.executable, "-c", WAITING], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    children = [int(parent.stdout.readline()) for _ in range(2)]
    parent.kill()
    parent.wait()
    until = time.monotonic() + 20
    while any(map(is_alive, children)) and time.monotonic() < until:
        time.sleep(0.1)
    assert [pid for pid in each(children) if is_alive(pid)] == []


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as stream:
            return stream.read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False
