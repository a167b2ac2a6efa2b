"""Frames in several fragments, with offset tables of either kind or none, are told apart and stored one by one."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.encaps import generate_fragments, generate_frames

from derive.deidentification.pixels.box import Box
from derive.deidentification.pixels.clean import clean_pixels
from derive.deidentification.pixels.plan import PixelPlan
from derive.rewriting.file import stored_file
from tests.helpers.asserting import each, raises_code
from tests.helpers.burned_in import JPEG_LS, KINDS, RLE, dataset, drawn

KIND = KINDS["cine in colour"]
PLAN = PixelPlan(boxes=(Box(0, 0, None, 12),), ocr="off")


def item(data: bytes) -> bytes:
    return struct.pack("<HHL", 0xFFFE, 0xE000, len(data)) + data


def written(frames: list[list[bytes]], table: str, syntax: str) -> bytes:
    """A file of these fragments of frames."""
    items = [[item(part + b"\0" * (len(part) % 2)) for part in parts] for parts in frames]
    sizes = [sum(map(len, parts)) for parts in items]
    offsets = [sum(sizes[:i]) for i in range(len(sizes))]
    ds = dataset(KIND, drawn(KIND))
    basic = struct.pack(f"<{len(offsets)}L", *offsets) if table == "basic" else b""
    ds.PixelData = item(basic) + b"".join(part for parts in items for part in parts)
    if table == "extended":
        ds.ExtendedOffsetTable = struct.pack(f"<{len(offsets)}Q", *offsets)
        ds.ExtendedOffsetTableLengths = struct.pack(f"<{len(sizes)}Q", *(size - 8 for size in sizes))
    ds["PixelData"].VR = "OB"
    ds.file_meta.TransferSyntaxUID = syntax
    buffer = io.BytesIO()
    ds.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def coded(syntax: str) -> list[bytes]:
    return list(generate_frames(dataset(KIND, drawn(KIND), syntax).PixelData, number_of_frames=KIND.frames))


def blanked(data: bytes) -> tuple[np.ndarray, Dataset]:
    result = clean_pixels(stored_file("a test", lambda: io.BytesIO(data)), PLAN)
    source = dcmread(io.BytesIO(data))
    after = dataset(KIND, drawn(KIND), str(result.transfer_syntax))
    after.PixelData = result.value[:-8]
    gone = {tag for tag, element in result.elements.items() if element is None}
    assert {0x7FE00001, 0x7FE00002} & {int(tag) for tag in source.keys()} <= gone  # noqa: SIM118
    assert len(list(generate_fragments(result.value[:-8]))) == KIND.frames + 1, "a table and a fragment a frame"
    return after.pixel_array, after


@pytest.mark.parametrize("table", ["basic", "extended", "none"])
@pytest.mark.parametrize("syntax", [RLE, JPEG_LS], ids=["RLE", "JPEG-LS"])
def test_a_fragment_a_frame(table, syntax):
    now, _ = blanked(written([[frame] for frame in each(coded(syntax), 3)], table, syntax))
    assert not now[:, :12].any()
    assert np.array_equal(now[:, 12:], drawn(KIND)[:, 12:])


@pytest.mark.parametrize("table", ["basic", "none"])
def test_several_fragments_a_frame(table):
    parts = [[frame[:100], frame[100:200], frame[200:]] for frame in each(coded(JPEG_LS), 3)]
    now, _ = blanked(written(parts, table, JPEG_LS))
    assert not now[:, :12].any()
    assert np.array_equal(now[:, 12:], drawn(KIND)[:, 12:])


def test_fewer_frames_than_stated():
    data = written([[frame] for frame in coded(RLE)[:2]], "basic", RLE)
    with raises_code("VAL-TRUNCATED"):
        blanked(data)
