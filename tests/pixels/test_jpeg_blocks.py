"""JPEG is blanked in its blocks: what is blank is black, and every other block keeps its bits."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from derive.pixels.area import Area
from derive.pixels.jpeg.blanking import blanked, is_ycbcr
from derive.pixels.jpeg.huffman import Huffman, NotSequential
from derive.pixels.jpeg.markers import Scan, Tables, parsed
from tests.helpers.asserting import each

_ROWS, _COLUMNS = 61, 93
_GREY, _YCC, _RGB = (-1,), (-1, 0, 0), (-1, -1, -1)
_SHAPES = {"grey": (_ROWS, _COLUMNS), "colour": (_ROWS, _COLUMNS, 3)}


def picture(kind: str, seed: int = 1) -> np.ndarray:
    """Something with edges in all its blocks."""
    random = np.random.default_rng(seed)
    rough = random.integers(0, 256, _SHAPES[kind]).astype(np.uint8)
    smooth = np.add.outer(np.arange(_ROWS) * 3, np.arange(_COLUMNS) * 2) % 256
    smooth = smooth if kind == "grey" else smooth[..., None]
    return ((rough.astype(int) + 3 * smooth) // 4).astype(np.uint8)


def jpeg(samples: np.ndarray, **options) -> bytes:
    written = io.BytesIO()
    Image.fromarray(samples).save(written, "JPEG", **{"quality": 90, **options})
    return written.getvalue()


def stored(codestream: bytes) -> np.ndarray:
    """Samples as they are stored: YCbCr stays that."""
    image = Image.open(io.BytesIO(codestream))
    if image.mode == "RGB":
        image.draft("YCbCr", image.size)
    return np.asarray(image)


def aligned(codestream: bytes, area: Area, component: int = 0, around: int = 0) -> np.ndarray:
    """Pixels that blocks of a component stand for which an area touches, and some around."""
    components = parsed(codestream).components
    wide = 8 * max(c.across for c in components) // components[component].across
    high = 8 * max(c.down for c in components) // components[component].down
    mask = np.zeros((_ROWS, _COLUMNS), bool)
    left, top = max(0, area.left // wide * wide - around), max(0, area.top // high * high - around)
    mask[top : -(-area.bottom // high) * high + around, left : -(-area.right // wide) * wide + around] = True
    return mask


OPTIONS = {
    "grey": ("grey", {}, _GREY),
    "grey, own tables": ("grey", {"optimize": True}, _GREY),
    "grey, best": ("grey", {"quality": 100}, _GREY),
    "grey, worst": ("grey", {"quality": 3}, _GREY),
    "grey, restarts": ("grey", {"restart_marker_blocks": 5}, _GREY),
    "4:4:4": ("colour", {"subsampling": 0}, _YCC),
    "4:2:2": ("colour", {"subsampling": 1}, _YCC),
    "4:2:0": ("colour", {"subsampling": 2}, _YCC),
    "4:2:0, restarts": ("colour", {"subsampling": 2, "restart_marker_rows": 1}, _YCC),
    "4:2:0, own tables": ("colour", {"subsampling": 2, "optimize": True, "quality": 40}, _YCC),
}


@pytest.mark.parametrize("name", OPTIONS)
@pytest.mark.parametrize(
    "areas",
    [
        [Area(20, 10, 50, 30)],
        [Area(0, 0, _COLUMNS, 8)],
        [Area(0, _ROWS - 3, _COLUMNS, _ROWS)],
        [Area(40, 20, 41, 21), Area(_COLUMNS - 1, 0, _COLUMNS, _ROWS)],
        [Area(0, 0, _COLUMNS, _ROWS)],
    ],
    ids=["middle", "top", "bottom", "two", "all"],
)
def test_a_block_is_blank_or_keeps_its_bits(name, areas):
    kind, options, levels = OPTIONS[name]
    before = jpeg(picture(kind), **options)
    after = blanked(before, areas, levels)
    was, now = stored(before), stored(after)
    luminance_was, luminance_now = (s if kind == "grey" else s[..., 0] for s in (was, now))
    blank = np.any([aligned(before, area) for area in areas], axis=0)
    assert not luminance_now[blank].any(), "black"
    assert np.array_equal(luminance_now[~blank], luminance_was[~blank])
    for component in (1, 2) if kind == "colour" else ():
        blank = np.any([aligned(before, area, component) for area in areas], axis=0)
        # a decoder that smooths chrominance mixes the pixel beside a block that has less of it
        touched = np.any([aligned(before, area, component, around=1) for area in areas], axis=0)
        assert np.array_equal(now[~touched][:, component], was[~touched][:, component])
        inner = blank & ~np.pad(~blank, 1)[2:, 1:-1] & ~np.pad(~blank, 1)[:-2, 1:-1]
        inner &= ~np.pad(~blank, 1)[1:-1, 2:] & ~np.pad(~blank, 1)[1:-1, :-2]
        assert (now[inner][:, component] == 128).all(), "no colour"


@given(st.integers(0, _COLUMNS - 1), st.integers(0, _ROWS - 1), st.integers(1, 60), st.integers(1, 60), st.data())
def test_any_box_of_any_coding(left, top, width, height, data):
    kind, options, levels = OPTIONS[data.draw(st.sampled_from(sorted(OPTIONS)))]
    area = Area(left, top, min(_COLUMNS, left + width), min(_ROWS, top + height))
    before = jpeg(picture(kind), **options)
    was, now = stored(before), stored(blanked(before, [area], levels))
    if kind == "colour":
        was, now = was[..., 0], now[..., 0]
    blank = aligned(before, area)
    assert not now[blank].any()
    assert np.array_equal(now[~blank], was[~blank])


def test_white_is_what_is_black_in_monochrome1():
    before = jpeg(picture("grey"), quality=77)
    after = stored(blanked(before, [Area(9, 9, 20, 20)], (1,)))
    assert (after[8:24, 8:24] == 255).all()


def test_rgb_is_black_in_all_components():
    before = jpeg(picture("colour"), keep_rgb=True)
    assert is_ycbcr(before) is False
    after = np.asarray(Image.open(io.BytesIO(blanked(before, [Area(9, 9, 20, 20)], _RGB))))
    assert not after[8:24, 8:24].any()
    assert np.array_equal(after[24:], np.asarray(Image.open(io.BytesIO(before)))[24:])


def of_scans(planes: list[tuple[np.ndarray, int, int]]) -> bytes:
    """One scan for each component: greyscale images, whose scans are put together."""
    coded = [parsed(jpeg(samples)) for samples, _, _ in planes]
    quantization = coded[0].parts[0][2:]
    quantization = quantization[quantization.index(b"\xff\xdb") :]
    quantization = quantization[: 2 + struct.unpack(">H", quantization[2:4])[0]]
    rows, columns = planes[0][0].shape
    specified = b"".join(bytes([i + 1, across << 4 | down, 0]) for i, (_, across, down) in enumerate(planes))
    frame = struct.pack(">HBHHB", 8 + len(specified), 8, rows, columns, len(planes)) + specified
    written = b"\xff\xd8" + quantization + b"\xff\xc0" + frame
    for index, image in enumerate(coded):
        written += b"".join(part.segment() for part in image.parts if isinstance(part, Tables))
        (scan,) = (part for part in image.parts if isinstance(part, Scan))
        written += b"\xff\xda" + struct.pack(">HBBBBBB", 8, 1, index + 1, 0, 0, 63, 0) + scan.data
    return written + b"\xff\xd9"


@pytest.mark.parametrize(("across", "down"), [(1, 1), (2, 1), (2, 2), (1, 2)])
def test_components_in_scans_of_their_own(across, down):
    grey = picture("grey")
    small = grey[: -(-_ROWS // down), : -(-_COLUMNS // across)]
    before = of_scans([(grey, across, down), (small, 1, 1), (255 - small, 1, 1)])
    was = stored(before)
    assert np.abs(was[..., 0].astype(int) - grey).mean() < 20, "the test makes what it says"
    area = Area(30, 20, 50, 40)
    now = stored(blanked(before, [area], _YCC))
    blank = aligned(before, area)
    assert not now[blank][:, 0].any()
    assert np.array_equal(now[~blank][:, 0], was[~blank][:, 0])
    beyond = ~aligned(before, area, 1, around=1)
    assert np.array_equal(now[beyond], was[beyond])


def test_what_nobody_touches_stays_as_it_is():
    before = jpeg(picture("grey"), comment=b"kept, since nothing is blank")
    assert blanked(before, [], _GREY) == before


def test_other_processes_are_told_apart():
    with pytest.raises(NotSequential, match="another process"):
        blanked(jpeg(picture("grey"), progressive=True), [Area(0, 0, 8, 8)], _GREY)


@pytest.mark.parametrize("cut", [3, 100, -400])
def test_what_is_cut_short_is_said_to_be(cut):
    with pytest.raises(NotSequential):
        blanked(jpeg(picture("grey"))[:cut] + b"\xff\xd9", [Area(0, 0, 8, 8)], _GREY)


def test_other_components_than_stated():
    with pytest.raises(NotSequential, match="components"):
        blanked(jpeg(picture("colour")), [Area(0, 0, 8, 8)], _GREY)


def test_missing_restarts_are_noticed():
    before = jpeg(picture("grey"), restart_marker_blocks=5)
    at = before.index(b"\xff\xd0")
    with pytest.raises(NotSequential, match="restart"):
        blanked(before[:at] + before[at + 2 :], [Area(0, 0, 8, 8)], _GREY)


@given(st.binary(min_size=1, max_size=400))
def test_anything_else_is_refused_and_nothing_worse(junk):
    with pytest.raises(NotSequential):
        parsed(b"\xff\xd8" + junk)


def test_a_table_gets_more_codes_and_keeps_its_own():
    own = [
        table
        for part in parsed(jpeg(picture("grey"), optimize=True, quality=20)).parts
        if isinstance(part, Tables)
        for _, table in part.tables
    ]
    for table in each(own, 2):
        more = table.with_symbols(range(12))
        assert {*range(12)} <= more.lengths.keys()
        assert {s: c for s, c in more.lengths.items() if s in table.lengths} == table.lengths


def test_a_full_table_has_no_room():
    full = Huffman((0, 4, *(0,) * 14), bytes([20, 21, 22, 23]))
    with pytest.raises(NotSequential, match="room"):
        full.with_symbols(range(1))
