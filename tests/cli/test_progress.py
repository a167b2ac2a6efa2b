"""A line on a terminal, after a second, that leaves nothing behind."""

from __future__ import annotations

import io
import os
import pty

import pytest

from derive.cli import progress as module
from derive.cli.progress import Progress, duration


class Terminal(io.StringIO):
    def isatty(self):
        return True


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture(autouse=True)
def _eighty_columns(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")


def screen(text):
    """What stands on the line of a terminal after some text."""
    cells, place = [], 0
    for character in text:
        if character == "\r":
            place = 0
        else:
            cells[place : place + 1] = [character]
            place += 1
    return "".join(cells).rstrip()


def counting(terminal, clock, steps, count, seconds):
    bar = Progress("reading", "files", terminal, clock)
    for done in range(1, steps + 1):
        clock.now += seconds
        bar(done, count)
    return bar


def test_nothing_is_shown_in_the_first_second():
    terminal = Terminal()
    counting(terminal, Clock(), 9, 100, 0.1)
    assert terminal.getvalue() == ""


def test_then_a_bar_with_rate_and_time_left_is_shown():
    terminal = Terminal()
    counting(terminal, Clock(), 25, 100, 0.2)
    line = screen(terminal.getvalue())
    assert line.endswith("reading 25/100 files, 5/s, 0:15 left")
    assert line.startswith("[########")
    assert len(line) < 80


def test_what_is_no_terminal_gets_nothing():
    stream = io.StringIO()
    with counting(stream, Clock(), 100, 100, 1.0) as bar:
        bar(1, 3)
    assert stream.getvalue() == ""
    stream.close()
    assert Progress("reading", stream=stream)(1, 2) is None


def test_the_line_is_cleared_when_all_is_done():
    terminal = Terminal()
    counting(terminal, Clock(), 100, 100, 0.2)
    assert screen(terminal.getvalue()) == ""
    assert terminal.getvalue().endswith("\r")


def test_the_line_is_cleared_when_something_fails():
    terminal, clock = Terminal(), Clock()

    def fail():
        with Progress("reading", stream=terminal, clock=clock) as bar:
            clock.now += 5
            bar(1, 10)
            assert screen(terminal.getvalue())
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert screen(terminal.getvalue()) == ""


def test_it_is_drawn_ten_times_a_second_at_most():
    terminal, clock = Terminal(), Clock()
    counting(terminal, clock, 3000, 10_000, 0.001)
    assert 15 <= terminal.getvalue().count("\r") <= 21


def test_a_shorter_line_leaves_nothing_of_a_longer_one():
    terminal, clock = Terminal(), Clock()
    bar = Progress("x", stream=terminal, clock=clock)
    for count in (10**9, 12):
        clock.now += 2
        bar(10, count)
    assert screen(terminal.getvalue()).endswith("0:01 left")
    assert screen(terminal.getvalue()).count("x") == 1


@pytest.mark.parametrize("columns", [1, 5, 20, 40, 200])
def test_no_line_is_wider_than_the_terminal(columns, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(columns))
    terminal = Terminal()
    counting(terminal, Clock(), 30, 100, 0.2)
    assert len(screen(terminal.getvalue())) < columns


def test_a_count_that_is_not_known_is_counted_all_the_same():
    terminal = Terminal()
    counting(terminal, Clock(), 30, 0, 0.5)
    assert screen(terminal.getvalue()) == "reading 30 files, 2/s"


def test_a_second_stage_has_its_own_rate():
    terminal, clock = Terminal(), Clock()
    bar = counting(terminal, clock, 100, 100, 0.1)
    clock.now += 2
    bar(10, 20)
    assert screen(terminal.getvalue()).endswith("10/20 files, 5/s, 0:02 left")


def test_a_terminal_that_goes_away_does_not_stop_the_work():
    """It would raise the error of the terminal."""

    class Gone(Terminal):
        def write(self, text):
            raise OSError(5, "gone")

    counting(Gone(), Clock(), 30, 100, 1.0).close()


def test_the_width_is_that_of_the_terminal_itself():
    leader, follower = pty.openpty()
    with os.fdopen(follower, "w") as stream:
        os.set_blocking(leader, False)
        import fcntl
        import struct
        import termios

        fcntl.ioctl(leader, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 30, 0, 0))
        clock = Clock()
        bar = Progress("reading", stream=stream, clock=clock)
        clock.now += 3
        bar(1, 100)
        shown = os.read(leader, 1000).decode()
    os.close(leader)
    assert 0 < len(screen(shown)) < 30


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.2, "0:00"), (7, "0:07"), (61, "1:01"), (3723, "1:02:03"), (-4, "0:00")]
)
def test_durations(seconds, text):
    assert duration(seconds) == text
    assert module.PATIENCE_S == 1.0
