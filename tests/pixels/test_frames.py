"""Every frame of Pixel Data is found, however a writer cut it; what nobody can tell apart is refused."""

from __future__ import annotations

import struct
from functools import cache, partial
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from derive.errors import DeriveError
from derive.pixels.decode import PixelBytes, PixelLayout, check_decodable, decode
from derive.pixels.frames import frame_pixels
from derive.pixels.recode import encoded
from derive.pixels.samples import SampleLayout
from tests.helpers.asserting import raises_code

COUNT, ROWS, COLUMNS = 4, 36, 32
UID = "1.2.840.10008.1.2."
EXPLICIT, BIG = UID + "1", UID + "2"
SYNTAXES = ["4.57", "4.70", "4.80", "4.90", "5"]
RLE = "5"
END = b"\xfe\xff\xdd\xe0" + bytes(4)


def item(content, length=None):
    return b"\xfe\xff\x00\xe0" + struct.pack("<L", len(content) if length is None else length) + content


def even(stream):
    return stream + bytes(len(stream) % 2)


@cache
def images(count=COUNT):
    rng = np.random.default_rng(7)
    ramp = np.arange(ROWS * COLUMNS).reshape(ROWS, COLUMNS)
    return tuple((ramp * (k + 1) + rng.integers(0, 50, ramp.shape)).astype(np.uint16) for k in range(count))


@cache
def streams(syntax):
    """Frames as codestreams, padded to an even length."""
    layout = SampleLayout(UID + syntax, 1, ROWS, COLUMNS, 1, False, 16, 16, 15, False, "MONOCHROME2")
    made = [encoded(image[..., None], layout, "frame") for image in images()]
    assert None not in made
    return tuple(map(even, made))


def layout_of(syntax, bits=16, shape=(ROWS, COLUMNS), stored=None):
    stored = stored or bits
    return PixelLayout(UID + syntax, *shape, bits, stored, stored - 1, False, "MONOCHROME2")


def in_file(value, before=10):
    data = bytes(before) + value
    return PixelBytes(partial(BytesIO, data), before, None, len(data))


def native(value, before=11, vr="OW"):
    data = bytes(before) + value
    return PixelBytes(partial(BytesIO, data), before, len(value), len(data), vr)


def offsets_of(each):
    """Values of a table for frames of so many fragments each."""
    sizes = [sum(8 + len(part) for part in parts) for parts in each]
    return [sum(sizes[:k]) for k in range(len(sizes))]


def cut(stream, size):
    return [stream[k : k + size] for k in range(0, len(stream), size)]


def table_of(each, width="L"):
    return struct.pack(f"<{len(each)}{width}", *offsets_of(each))


def fragmented(each, table=b""):
    return item(table) + b"".join(item(part) for parts in each for part in parts) + END


def forms():
    """Name -> (streams) -> value of Pixel Data."""
    return {
        "one-each": lambda s: fragmented([[f] for f in s]),
        "one-each-table": lambda s: fragmented([[f] for f in s], table_of([[f] for f in s])),
        "no-table-item": lambda s: b"".join(map(item, s)) + END,
        "several-each": lambda s: fragmented([cut(f, 700) for f in s]),
        "several-each-table": lambda s: fragmented([cut(f, 700) for f in s], table_of([cut(f, 700) for f in s])),
        "uneven": lambda s: fragmented([cut(f, 300 * (k + 1)) for k, f in enumerate(s)]),
        "as-many-fragments-shifted": lambda s: item(b"") + item(s[0] + s[1][:100]) + item(s[1][100:])
        + item(s[2]) + item(s[3]) + END,
        "head-split-table": lambda s: fragmented([[f[:2], f[2:]] for f in s], table_of([[f[:2], f[2:]] for f in s])),
        "zeros-behind": lambda s: fragmented([[f + bytes(200)] for f in s]),
        "padding-fragment": lambda s: fragmented([*([f] for f in s), [bytes(64)]]),
        "one-fragment": lambda s: item(b"") + item(b"".join(s)) + END,
        "two-in-each": lambda s: fragmented([[s[0] + s[1]], [s[2] + s[3]]]),
        "cut-anywhere": lambda s: item(b"") + b"".join(map(item, cut(b"".join(s), 998))) + END,
        "no-delimiter": lambda s: fragmented([[f] for f in s])[:-8],
        "behind": lambda s: fragmented([[f] for f in s]) + b"\xfc\xff\xfc\xffOB\0\0\4\0\0\0abcd",
    }  # fmt: skip


@pytest.mark.parametrize("form", forms())
@pytest.mark.parametrize("syntax", SYNTAXES)
def test_each_frame_is_found(syntax, form):
    if syntax == RLE and form in ("as-many-fragments-shifted", "cut-anywhere"):
        pytest.skip("a run-length code is one fragment a frame, and says nowhere that it ends (PS3.5 A.4.2)")
    layout, pixels = layout_of(syntax), in_file(forms()[form](streams(syntax)))
    found = frame_pixels(layout, pixels, COUNT, "file")
    for place, image in zip(found.frames, images(), strict=True):
        check_decodable(layout, place, "file")
        assert np.array_equal(decode(layout, None, place, "file"), image)
    assert not found.odd


WRONG = {
    "too-long": [0, 10, 20, 30, 40],
    "shifted": [2, 1000, 2000, 3000],
    "descending": [0, 3000, 2000, 1000],
    "all-zero": [0, 0, 0, 0],
    "one": [0],
}


@pytest.mark.parametrize("table", WRONG)
@pytest.mark.parametrize("syntax", SYNTAXES)
def test_a_wrong_table_is_noticed_and_not_used(syntax, table):
    value = fragmented([[f] for f in streams(syntax)], struct.pack(f"<{len(WRONG[table])}L", *WRONG[table]))
    layout = layout_of(syntax)
    found = frame_pixels(layout, in_file(value), COUNT, "file")
    for place, image in zip(found.frames, images(), strict=True):
        assert np.array_equal(decode(layout, None, place, "file"), image)
    assert "Basic Offset Table" in found.odd


def test_an_extended_table_is_held_against_the_frames():
    each = [[f] for f in streams("4.90")]
    pixels, layout, offsets = in_file(fragmented(each)), layout_of("4.90"), offsets_of(each)
    assert not frame_pixels(layout, pixels, COUNT, "file", offsets).odd
    assert "Extended" in frame_pixels(layout, pixels, COUNT, "file", [*offsets[:-1], 7]).odd


@pytest.mark.parametrize("form", ["one-each", "one-each-table", "several-each", "one-fragment"])
@pytest.mark.parametrize("syntax", SYNTAXES)
def test_more_or_fewer_images_than_frames_are_refused(syntax, form):
    value = forms()[form](streams(syntax))
    with raises_code("VAL-TRUNCATED"):
        frame_pixels(layout_of(syntax), in_file(value), COUNT + 1, "file")
    with raises_code("VAL-LENGTH"):
        frame_pixels(layout_of(syntax), in_file(value), COUNT - 1, "file")
    with raises_code("VAL-TRUNCATED"):  # and nothing is allocated for it
        frame_pixels(layout_of(syntax), in_file(value), 2**31 - 1, "file")


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_a_last_frame_that_is_cut_short_is_refused(syntax):
    layout, value = layout_of(syntax), forms()["one-each"](streams(syntax))[:-108]

    def check():
        for place in frame_pixels(layout, in_file(value), COUNT, "file").frames:
            check_decodable(layout, place, "file")

    with raises_code("VAL-TRUNCATED"):
        check()


def test_no_image_at_all():
    with raises_code("VAL-TRUNCATED"):
        frame_pixels(layout_of("4.90"), in_file(item(b"") + END), COUNT, "file")


@pytest.mark.parametrize("syntax", ["1", "2"])
@pytest.mark.parametrize("bits", [8, 16, 32])
@pytest.mark.parametrize("shape", [(6, 8), (5, 7)])
@pytest.mark.parametrize("vr", ["OW", "OB"])
def test_native_frames_lie_one_behind_the_other(syntax, bits, shape, vr):
    stored = min(bits, 24)
    values = np.random.default_rng(bits).integers(0, 1 << stored, (COUNT, *shape))
    data = even(values.astype(f"{'<' if syntax == '1' else '>'}u{bits // 8}").tobytes())
    if syntax == "2" and bits == 8 and vr == "OW":
        data = np.frombuffer(data, "u2").byteswap().tobytes()
    layout = layout_of(syntax, bits, shape, stored)
    found = frame_pixels(layout, native(data, vr=vr), COUNT, "file")
    for place, image in zip(found.frames, values, strict=True):
        check_decodable(layout, place, "file")
        assert np.array_equal(decode(layout, None, place, "file"), image)


@pytest.mark.parametrize("syntax", ["1", "2"])
@pytest.mark.parametrize("shape", [(8, 8), (5, 7), (1, 3)])
def test_bits_that_do_not_end_on_a_byte(syntax, shape):
    """Frames of bits follow one another without padding (PS3.5 8.1.1)."""
    bits = np.random.default_rng(3).integers(0, 2, (9, *shape), np.uint8)
    data = even(np.packbits(bits.reshape(-1), bitorder="little").tobytes())
    if syntax == "2":
        data = np.frombuffer(data, "u2").byteswap().tobytes()
    layout = layout_of(syntax, 1, shape)
    found = frame_pixels(layout, native(data), 9, "file")
    for place, image in zip(found.frames, bits, strict=True):
        check_decodable(layout, place, "file")
        assert np.array_equal(decode(layout, None, place, "file"), image)


def test_native_pixels_that_are_no_whole_number_of_frames():
    layout = layout_of("1")
    length = COUNT * layout.native_length
    frame_pixels(layout, native(bytes(length + 6)), COUNT, "file")  # a few zeros are padding
    for code, size in (("VAL-TRUNCATED", length - 2), ("VAL-LENGTH", length + 6000), ("VAL-LENGTH", length * 2)):
        with raises_code(code) as caught:
            frame_pixels(layout, native(bytes(size)), COUNT, "file")
        assert str(length) in str(caught.value)
    with raises_code("VAL-TRUNCATED"):
        frame_pixels(layout, native(bytes(length)), 2**40, "file")


def test_frames_are_where_they_are_without_being_read():
    """Of a file that is not there: a terabyte of frames costs their places."""

    def unasked():
        raise AssertionError("nothing is to be read")

    layout = layout_of("1", shape=(512, 512))
    found = frame_pixels(layout, PixelBytes(unasked, 300, 4000 * layout.native_length, 1 << 50), 4000, "file")
    assert len(found.frames) == 4000
    assert found.frames[3999].offset == 300 + 3999 * 524288


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_however_frames_are_cut_they_are_found(data):
    """Images one behind the other, cut anywhere, with a table of anything: the same frames, or none at all."""
    syntax = data.draw(st.sampled_from([s for s in SYNTAXES if s != RLE]))
    whole = b"".join(streams(syntax))
    cuts = sorted(data.draw(st.sets(st.integers(1, len(whole) - 1), max_size=12)))
    parts = [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    table = data.draw(st.sampled_from([b"", bytes(4)])) and bytes(4) + 4 * data.draw(st.binary(max_size=6))
    layout, pixels = layout_of(syntax), in_file(item(table) + b"".join(map(item, parts)) + END)
    found = frame_pixels(layout, pixels, COUNT, "file")
    for place, image in zip(found.frames, images(), strict=True):
        assert np.array_equal(decode(layout, None, place, "file"), image)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_damage_is_refused_or_changes_nothing_but_frames(data):
    """Bytes of items and tables are other ones: whatever comes of it is said in our words, or decodes."""
    syntax = data.draw(st.sampled_from(SYNTAXES))
    value = bytearray(fragmented([[f] for f in streams(syntax)], table_of([[f] for f in streams(syntax)])))
    heads = [k for k in range(len(value) - 8) if value[k : k + 4] == b"\xfe\xff\x00\xe0"]
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.sampled_from(heads)) + data.draw(st.integers(0, 40))
        value[place % len(value)] = data.draw(st.integers(0, 255))
    assert refused(layout_of(syntax), bytes(value)) in {"", "VAL-TRUNCATED", "VAL-LENGTH", "VAL-DECODE", "SRC-SIZE"}


def refused(layout, value):
    """The code with which frames are refused; empty where they decode."""
    try:
        for place in frame_pixels(layout, in_file(value), COUNT, "file").frames:
            check_decodable(layout, place, "file")
            assert decode(layout, None, place, "file").shape == (ROWS, COLUMNS)
    except DeriveError as error:
        return error.code
    return ""


@pytest.mark.parametrize("marker", [b"\xb5\xc4", b"\xff\x01", b"\xff\xd7", b"\x00\x00"])
@pytest.mark.parametrize("syntax", ["4.57", "4.70", "4.80"])
def test_a_marker_that_is_damaged_is_refused_before_a_decoder_sees_it(syntax, marker):
    """GDCM ends the process there, and does not raise."""
    stream = streams(syntax)[0]
    behind = stream.index(b"\xff\xf7" if syntax == "4.80" else b"\xff\xc3") + 2
    behind += struct.unpack(">H", stream[behind : behind + 2])[0]
    damaged = stream[:behind] + marker + stream[behind + 2 :]
    with raises_code("VAL-DECODE"):
        decode(layout_of(syntax), None, in_file(fragmented([[damaged]])), "file")
