"""A line on a terminal, after a second, that leaves nothing behind."""

from __future__ import annotations

import fcntl
import io
import os
import pty
import struct
import termios

import pytest
import tqdm.std

from derive.cli.progress import Progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


class Gone(Terminal):
    def write(self, text):
        raise OSError(5, "gone")


@pytest.fixture
def clock(monkeypatch):
    """What tqdm takes for the time; the fixture is called with the seconds that pass."""
    now = [100.0]
    monkeypatch.setattr(tqdm.std, "time", lambda: now[0])
    monkeypatch.setenv("COLUMNS", "80")

    def wait(seconds):
        now[0] += seconds

    return wait


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
    bar = Progress("reading", "files", terminal)
    for done in range(1, steps + 1):
        clock(seconds)
        bar(done, count)
    return bar


def test_nothing_is_shown_in_the_first_second(clock):
    terminal = Terminal()
    counting(terminal, clock, 9, 100, 0.1)
    assert terminal.getvalue() == ""


def test_then_a_bar_with_rate_and_time_left_is_shown(clock):
    terminal = Terminal()
    with counting(terminal, clock, 25, 100, 0.2):
        line = screen(terminal.getvalue())
    assert line.startswith("reading:  25%|")
    assert "25/100" in line
    assert "00:15" in line
    assert "5.00 files/s" in line
    assert len(line) <= 80


def test_what_is_no_terminal_gets_nothing(clock):
    stream = io.StringIO()
    with counting(stream, clock, 100, 100, 1.0) as bar:
        bar(1, 3)
    assert stream.getvalue() == ""


def test_the_line_is_cleared_when_all_is_done(clock):
    terminal = Terminal()
    bar = counting(terminal, clock, 99, 100, 0.2)
    assert screen(terminal.getvalue())
    clock(0.2)
    bar(100, 100)
    assert screen(terminal.getvalue()) == ""
    assert terminal.getvalue().endswith("\r")


def test_the_line_is_cleared_when_something_fails(clock):
    terminal = Terminal()

    def fail():
        with Progress("reading", stream=terminal) as bar:
            clock(5)
            bar(1, 10)
            assert screen(terminal.getvalue())
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert screen(terminal.getvalue()) == ""


def test_a_count_that_is_not_known_is_counted_all_the_same(clock):
    terminal = Terminal()
    with counting(terminal, clock, 30, 0, 0.5):
        assert screen(terminal.getvalue()).startswith("reading: 30 files [")


def test_a_second_stage_begins_anew(clock):
    terminal = Terminal()
    bar = counting(terminal, clock, 100, 100, 0.1)
    clock(2)
    bar(10, 20)
    clock(2)
    bar(11, 20)
    assert "11/20" in screen(terminal.getvalue())


def test_a_terminal_that_goes_away_does_not_stop_the_work(clock):
    with counting(Gone(), clock, 30, 100, 1.0) as bar:
        assert bar(31, 100) is None


def test_the_width_is_that_of_the_terminal_itself(clock):
    leader, follower = pty.openpty()
    with os.fdopen(follower, "w") as stream:
        os.set_blocking(leader, False)
        fcntl.ioctl(leader, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 30, 0, 0))
        bar = Progress("reading", stream=stream)
        clock(3)
        bar(1, 100)
        shown = os.read(leader, 1000).decode()
    os.close(leader)
    assert 0 < len(screen(shown)) <= 30
