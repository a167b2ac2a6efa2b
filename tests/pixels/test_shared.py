"""A file is opened once and read by many; what was unpacked is not unpacked again while there is room."""

from __future__ import annotations

import gc
import io
import os
import threading

import pytest

from derive import parallel
from derive.pixels import shared
from derive.pixels.shared import SharedFile, Unpacked

DATA = bytes(range(256)) * 40


def test_a_view_is_a_file_of_its_own():
    view = SharedFile(io.BytesIO(DATA)).view(100, 1100)
    expected = io.BytesIO(DATA[100:1100])
    for seek in ((0, os.SEEK_SET), (-5, os.SEEK_END), (3, os.SEEK_SET), (2, os.SEEK_CUR), (2000, os.SEEK_SET)):
        assert view.seek(*seek) == expected.seek(*seek)
        assert view.read(7) == expected.read(7)
        assert view.tell() == expected.tell()
    view.seek(990)
    assert view.read() == DATA[1090:1100]
    assert (view.readable(), view.seekable(), view.writable()) == (True, True, False)
    with pytest.raises(OSError, match="Invalid"):
        view.seek(-1)
    view.seek(0)
    assert io.BufferedReader(view).read(20) == DATA[100:120]


def test_many_read_at_once(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(DATA)
    opened = SharedFile(path.open("rb", buffering=0))
    views = [opened.view(k * 100, k * 100 + 100) for k in range(100)]
    assert parallel.each(lambda v: v.read(), views) == [DATA[k * 100 : k * 100 + 100] for k in range(100)]


def test_it_is_closed_with_the_last_who_reads(tmp_path):
    file = io.BytesIO(DATA)
    view = SharedFile(file).view(0, 10)
    gc.collect()
    assert view.read(2) == DATA[:2]
    del view
    gc.collect()
    assert file.closed


@pytest.mark.parametrize("aside", [False, True])
def test_what_was_unpacked_is_kept_while_there_is_room(monkeypatch, aside):
    monkeypatch.setattr(shared, "IN_MEMORY", 10 if aside else 1000)
    monkeypatch.setattr(shared, "KEPT_ASIDE" if aside else "KEPT", 100)
    kept, made = Unpacked(), []

    def open_one(name, size=40):
        return kept.open(name, lambda file: made.append(name) or file.write(bytes(size))).read()

    for name in ("a", "b", "a", "b", "c", "b", "a", "large", "large", "b"):
        size = 400 if name == "large" else 40
        assert open_one(name, size) == bytes(size)
    assert made == ["a", "b", "c", "a", "large", "b"]


def test_who_reads_what_is_no_longer_kept_reads_on(monkeypatch):
    monkeypatch.setattr(shared, "KEPT", 10)
    kept = Unpacked()
    first = kept.open("a", lambda file: file.write(DATA))
    kept.open("b", lambda file: file.write(DATA))
    gc.collect()
    assert first.read() == DATA


def test_several_who_want_the_same_have_it_unpacked_once():
    kept, made, begin = Unpacked(), [], threading.Barrier(4)

    def unpack(file):
        made.append(1)
        file.write(DATA)

    def work():
        begin.wait()
        assert kept.open("a", unpack).read() == DATA

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == [1]


def test_what_cannot_be_unpacked_is_tried_again():
    kept = Unpacked()

    def fail(file):
        raise OSError("no")

    for _ in range(2):
        with pytest.raises(OSError, match="no"):
            kept.open("a", fail)
    assert kept.open("a", lambda file: file.write(b"x")).read() == b"x"
