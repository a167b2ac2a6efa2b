"""What GDCM's encoders leave out or get wrong, for which derive/pixels/recode.py goes another way."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from derive.pixels import recode
from derive.pixels.samples import SampleLayout

_CODING_STYLE, _COMPONENT_TRANSFORMATION = b"\xff\x52", 8


JPEG_2000, RLE = "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.5"


def layout(photometric: str, samples: int, rows: int = 32, columns: int = 32) -> SampleLayout:
    return SampleLayout(JPEG_2000, 1, rows, columns, samples, False, 8, 8, 7, False, photometric)


def test_colour_is_not_transformed_in_jpeg_2000():
    """Pillow encodes YBR_RCT until GDCM does: US images have to have it (PS3.3 C.8.5.6.1.2)."""
    words = np.arange(3072).astype(np.uint8).reshape(32, 32, 3)
    frame = recode.by_gdcm(words, layout("YBR_RCT", 3))
    assert frame is not None
    assert frame[frame.index(_CODING_STYLE) + _COMPONENT_TRANSFORMATION] == 0
    ours = recode.encoded(words, layout("YBR_RCT", 3), "a test")
    assert ours is not None
    assert ours[ours.index(_CODING_STYLE) + _COMPONENT_TRANSFORMATION] == 1


CRASH = """
import numpy as np
from derive.pixels import recode
from derive.pixels.samples import SampleLayout
words = np.random.default_rng(0).integers(0, 255, ({rows}, {columns}, 1)).astype("u1")
layout = SampleLayout("{syntax}", 1, {rows}, {columns}, 1, False, 8, 8, 7, False, "MONOCHROME2")
for _ in range({times}):
    assert recode.{function}
"""
# JPEG 2000 of few rows writes outside of its memory; whether that ends a process is up to its heap.
FRAMES = {
    "an odd number of bytes": (RLE, ((101, 77),)),
    "fewer rows than levels": (JPEG_2000, ((1, 1), (1, 3), (3, 1), (2, 2), (3, 3), (4, 4))),
}


@pytest.mark.parametrize("name", FRAMES)
def test_frames_that_end_the_process_are_not_given_to_it(name):
    """They are stored native until GDCM can be given them."""
    syntax, sizes = FRAMES[name]
    assert any(ran(script(syntax, size, "by_gdcm(words, layout)", times=20)) < 0 for size in sizes)
    assert [ran(script(syntax, size, "encoded(words, layout, 'a test') is None")) for size in sizes] == [0] * len(sizes)


def script(syntax: str, size: tuple[int, int], function: str, times: int = 1) -> str:
    rows, columns = size
    return CRASH.format(syntax=syntax, rows=rows, columns=columns, function=function, times=times)


def ran(script: str) -> int:
    return subprocess.run([sys.executable, "-c", script], stderr=subprocess.DEVNULL, timeout=120).returncode
