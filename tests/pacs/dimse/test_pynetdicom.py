"""The checkpoint in associations of pynetdicom: who clears it finds the thread standing, and never hangs."""

from __future__ import annotations

import sys
import threading

import pytest

from derive.pacs.dimse._pynetdicom import _Checkpoint


class Reactor(threading.Thread):
    """Passes a checkpoint again and again, as the thread of an association does."""

    def __init__(self):
        super().__init__(daemon=True)
        self.checkpoint, self.passed, self.ended = _Checkpoint(self), 0, False

    def run(self):
        while not self.ended:
            self.checkpoint.wait()
            self.passed += 1


@pytest.fixture
def restless():
    """Let threads take turns at any point."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def test_a_thread_stands_still_from_clear_to_set_however_they_meet(restless):
    reactor, moved, rounds = Reactor(), [], []
    reactor.start()

    def user():
        for _ in range(3000):
            reactor.checkpoint.clear()
            stood = reactor.passed
            for _ in range(20):
                pass
            moved.append(reactor.passed - stood)
            reactor.checkpoint.set()
        rounds.append("all")

    thread = threading.Thread(target=user, daemon=True)
    thread.start()
    thread.join(60)
    reactor.ended = True
    assert rounds == ["all"], f"it hangs after {len(moved)} rounds"
    assert set(moved) == {0}
    assert reactor.passed > 0


def test_a_thread_that_has_ended_is_not_waited_for():
    reactor = Reactor()
    reactor.ended = True
    reactor.start()
    reactor.join(10)
    reactor.checkpoint.clear()
    assert not reactor.checkpoint.is_set()


@pytest.mark.parametrize("ended", [False, True])
def test_what_pynetdicom_waits_for_without_an_end_is_said_by_who_clears(ended):
    reactor = Reactor()
    reactor.ended, reactor._is_paused = ended, False
    reactor.start()
    if ended:
        reactor.join(10)
    reactor.checkpoint.clear()
    assert reactor._is_paused
    reactor.ended = True
    reactor.checkpoint.set()
