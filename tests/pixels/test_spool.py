"""Frames that wait aside come out as the bytes that all of them are together."""

from __future__ import annotations

import errno
import gc
import os
import warnings

import numpy as np
import pytest

from derive import parallel
from derive.pixels import shared
from derive.pixels.spool import Spool
from tests.helpers.asserting import every, raises_code

KINDS = {
    "int16": ("int16", (5, 7)),
    "uint16": ("uint16", (4, 4)),
    "big-endian": (">i2", (4, 5)),
    "bytes-odd": ("uint8", (5, 7)),
    "colour": ("uint8", (5, 7, 3)),
    "bits": ("bool", (5, 7)),
    "bits-of-bytes": ("bool", (4, 8)),
    "words": ("uint32", (3, 3)),
}


def frames_of(kind, count=9):
    dtype, shape = KINDS[kind]
    values = np.random.default_rng(1).integers(0, 2 if dtype == "bool" else 255, (count, *shape))
    return values.astype(dtype)


@pytest.mark.parametrize("in_memory", [0, 1 << 20])
@pytest.mark.parametrize("kind", KINDS)
def test_the_value_is_all_frames_one_behind_the_other(tmp_path, monkeypatch, kind, in_memory):
    monkeypatch.setattr(shared, "IN_MEMORY", in_memory or 1)
    frames, waiting = frames_of(kind), Spool(tmp_path)
    for frame in frames:
        waiting.add(frame)
    spooled = waiting.close()
    together = np.packbits(frames, bitorder="little") if frames.dtype == bool else frames.astype(spooled.dtype)
    value = together.tobytes()
    assert spooled.value() == value + bytes(len(value) % 2) == spooled.value()
    assert spooled.length == len(spooled.value())
    assert spooled.vr == ("OW" if frames.itemsize > 1 else "OB")
    assert every(np.array_equal(spooled.stored(k), frame) for k, frame in enumerate(frames))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_part_is_some_of_the_frames(kind):
    frames, waiting = frames_of(kind, 24), Spool()
    for frame in frames:
        waiting.add(frame)
    part = waiting.close().part(8, 16)
    again = Spool()
    for frame in frames[8:16]:
        again.add(frame)
    assert part.value() == again.close().value()
    assert np.array_equal(part.stored(3), frames[11])
    assert part.part(0, 8).value() == part.value()


def test_several_threads_read(monkeypatch):
    monkeypatch.setattr(shared, "IN_MEMORY", 1)
    frames, waiting = frames_of("int16", 200), Spool()
    for frame in frames:
        waiting.add(frame)
    spooled = waiting.close()
    assert every(parallel.each(lambda k: np.array_equal(spooled.stored(k), frames[k]), range(200)))


def test_frames_are_alike():
    waiting = Spool()
    waiting.add(np.zeros((4, 4), "<i2"))
    for other in (np.zeros((4, 5), "<i2"), np.zeros((4, 4), "<u2")):
        with pytest.raises(ValueError, match="frame of"):
            waiting.add(other)


def test_bits_that_begin_within_a_byte_are_no_part():
    waiting = Spool()
    for frame in frames_of("bits"):
        waiting.add(frame)
    with pytest.raises(ValueError, match="byte"):
        waiting.close().part(1, 3)


def test_nothing_stays_open(monkeypatch):
    monkeypatch.setattr(shared, "IN_MEMORY", 1)
    with warnings.catch_warnings(action="error"):
        waiting = Spool()
        waiting.add(np.zeros((4, 4), "<i2"))
        spooled = waiting.close()
        file = waiting._file
        del waiting, spooled
        gc.collect()
    assert file.closed


def test_a_disk_that_is_full_is_told(monkeypatch):
    monkeypatch.setattr(shared, "IN_MEMORY", 1)
    waiting = Spool()
    waiting.add(np.zeros((4, 4), "<i2"))

    class Full:
        def write(self, data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    waiting._file = Full()
    with raises_code("OUT-WRITE"):
        waiting.add(np.zeros((4, 4), "<i2"))
