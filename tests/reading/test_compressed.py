"""Compressed pixels as archives have them: padding is normal, a missing end is a cut, and damage is never silent."""

from __future__ import annotations

import os
import struct

import numpy as np
import pydicom
import pytest

from derive.errors import DeriveError
from derive.pixels.codestream import frame_size
from derive.pixels.encapsulated import codestream_of
from derive.reading.read import read
from tests.helpers.asserting import raises_code

SYNTAXES = "cornerstone_one_ct_all_syntaxes"
UIDS = ["4.50", "4.70", "4.80", "4.90", "5"]
#: The same decoders for a neighbouring syntax.
OTHERS = ["4.57", "4.81", "4.91"]
RLE = "5"


def item(content, length=None):
    return b"\xfe\xff\x00\xe0" + struct.pack("<L", len(content) if length is None else length) + content


END = b"\xfe\xff\xdd\xe0" + bytes(4)


def cut(data, size):
    return [data[k : k + size] for k in range(0, len(data), size)]


#: What a writer may do with one image: (stream, whether the codec ends with a marker) -> value of Pixel Data.
FORMS = {
    "plain": lambda s: item(b"") + item(s) + END,
    "zeros": lambda s: item(b"") + item(s + bytes(200)) + END,
    "many-zeros": lambda s: item(b"") + item(s + bytes(70_000)) + END,
    "empty-last": lambda s: item(b"") + item(s) + item(b"") + END,
    "zeros-last": lambda s: item(b"") + item(s) + item(bytes(100)) + END,
    "empty-first": lambda s: item(b"") + item(b"") + item(s) + END,
    "small": lambda s: item(b"") + b"".join(map(item, cut(s, 1022))) + END,
    "head-split": lambda s: item(b"") + item(s[:2]) + item(s[2:6]) + item(s[6:]) + END,
    "tail-split": lambda s: item(b"") + item(s[:-1]) + item(s[-1:]) + END,
    "table": lambda s: item(bytes(4)) + item(s) + END,
    "wrong-table": lambda s: item(struct.pack("<L", 99999)) + item(s) + END,
    "long-table": lambda s: item(struct.pack("<3L", 0, 8, 16)) + item(s) + END,
    "no-table": lambda s: item(s) + END,
    "no-delimiter": lambda s: item(b"") + item(s),
    "no-table-no-delimiter": lambda s: item(s),
    "half-delimiter": lambda s: item(b"") + item(s) + END[:5],
    "behind": lambda s: item(b"") + item(s) + END + b"\xfc\xff\xfc\xffOB\0\0\4\0\0\0abcd",
}
#: The codestream ends, and the fragment claims more.
WITH_END = {
    "claims-more": lambda s: item(b"") + item(s, len(s) + 1000),
    "fill": lambda s: item(b"") + item(s[:-2] + b"\xff\xff\xd9") + END,
}


@pytest.fixture(scope="module")
def original(real, tmp_path_factory):
    """Return a function that gives a data set of a syntax, its stream, and its values."""

    def find(uid):
        (path,) = real(SYNTAXES).glob(f"*_1.2.840.10008.1.2.{uid}.dcm")
        dataset = pydicom.dcmread(path)
        stream = pydicom.encaps.get_frame(dataset.PixelData, 0, number_of_frames=1)
        return dataset, stream.rstrip(b"\0") if uid != RLE else stream, read(path).frames[0].stored_values()

    return find


def written(folder, dataset, value):
    """A file whose Pixel Data is these bytes."""
    folder.mkdir(exist_ok=True)
    path = folder / "x.dcm"
    dataset = pydicom.dcmread(dataset.filename, stop_before_pixels=True)
    dataset.save_as(path)
    path.write_bytes(path.read_bytes() + b"\xe0\x7f\x10\0OB\0\0\xff\xff\xff\xff" + value)
    return path


@pytest.mark.parametrize(
    ("uid", "form"), [*((u, f) for u in UIDS for f in FORMS), *((u, f) for u in OTHERS for f in ("zeros", "small"))]
)
def test_what_is_normal(original, tmp_path, capfd, uid, form):
    dataset, stream, values = original(uid)
    path = written(tmp_path, dataset, FORMS[form](stream))
    assert np.array_equal(read(path).frames[0].stored_values(), values)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("form", WITH_END)
@pytest.mark.parametrize("uid", ["4.50", "4.57", "4.70", "4.80", "4.90"])
def test_an_end_is_an_end(original, tmp_path, capfd, uid, form):
    dataset, stream, values = original(uid)
    if form == "fill" and uid == "4.90":
        pytest.skip("JPEG 2000 has no fill bytes")
    path = written(tmp_path, dataset, WITH_END[form](stream))
    assert np.array_equal(read(path).frames[0].stored_values(), values)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("uid", ["4.50", "4.57", "4.70"])
def test_padding_before_the_end_marker(original, tmp_path, capfd, uid):
    dataset, stream, values = original(uid)
    path = written(tmp_path, dataset, item(b"") + item(stream[:-2] + bytes(6) + stream[-2:]) + END)
    assert np.array_equal(read(path).frames[0].stored_values(), values)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("uid", UIDS)
@pytest.mark.parametrize("share", [0.3, 0.9, 0.999])
def test_a_missing_end_is_a_cut(original, tmp_path, uid, share):
    dataset, stream, _ = original(uid)
    short = stream[: int(len(stream) * share)]
    path = written(tmp_path, dataset, item(b"") + item(short, len(stream)))
    with raises_code("VAL-TRUNCATED"):
        read(path)
    if uid != RLE:
        path = written(tmp_path, dataset, item(b"") + item(short + bytes(len(short) % 2)) + END)
        with raises_code("VAL-TRUNCATED"):
            read(path)


@pytest.mark.parametrize("uid", ["4.50", "4.57", "4.70", "4.80", "4.90"])
def test_damage_is_refused_or_changes_nothing_and_prints_nothing(original, tmp_path, capfd, uid):
    """A byte of the entropy-coded data is another one: either the decoder notices, or nobody can."""
    dataset, stream, values = original(uid)
    rng = np.random.default_rng(int(uid.replace(".", "")))
    codes = []
    for _ in range(8):
        damaged = bytearray(stream)
        for place in rng.integers(len(stream) // 3, len(stream) - 8, 30):
            damaged[place] ^= 0x10
        path = written(tmp_path, dataset, item(b"") + item(bytes(damaged)) + END)
        try:
            found = read(path).frames[0].stored_values()
            assert found.shape == values.shape
        except DeriveError as error:
            codes.append(error.code)
    assert capfd.readouterr() == ("", "")
    assert set(codes) <= {"VAL-DECODE", "VAL-TRUNCATED"}
    assert codes or uid == "4.90"  # JPEG 2000 has no redundancy by which one could know


@pytest.mark.parametrize("name", ["HTJ2KLossless_08_RGB.dcm", "HTJ2K_08_RGB.dcm"])
@pytest.mark.parametrize("padding", [b"", bytes(2), bytes(200)])
def test_the_end_of_high_throughput_jpeg_2000(real, name, padding):
    """There is no grey image of it: what the decoder is given is the stream without its padding."""
    dataset = pydicom.dcmread(real(f"pydicom_data/{name}"))
    stream = pydicom.encaps.get_frame(dataset.PixelData, 0, number_of_frames=1).rstrip(b"\0")
    assert codestream_of(stream + padding) == stream
    assert frame_size(stream)[:3] == (dataset.Rows, dataset.Columns, 3)
    assert codestream_of(stream[: len(stream) // 2]) == b""


def test_standard_error_is_itself_again(original, capfd):
    dataset, _, _ = original("4.70")
    read(dataset.filename).frames[0].stored_values()
    os.write(2, b"still here\n")
    assert capfd.readouterr().err == "still here\n"


@pytest.mark.parametrize("uid", ["5", "4.70", "4.80", "4.90"])
def test_an_image_that_claims_what_its_bytes_cannot_hold(original, tmp_path, uid):
    """65535 x 65535 in 900 bytes is refused before anything is allocated."""
    dataset, stream, _ = original(uid)
    dataset = pydicom.dcmread(dataset.filename)
    short = bytearray(stream[:900])
    if uid == "4.90":
        short[8:16] = struct.pack(">2L", 65535, 65535)
    elif uid != RLE:
        at = next(k for k in range(2, 800) if short[k] == 0xFF and short[k + 1] in (0xC3, 0xF7))
        short[at + 5 : at + 9] = struct.pack(">2H", 65535, 65535)
    path = written(tmp_path, dataset, item(b"") + item(bytes(short) + b"\xff\xd9") + END)
    data = path.read_bytes()
    for keyword in ("Rows", "Columns"):
        head = struct.pack("<HH", *divmod(int(pydicom.tag.Tag(keyword)), 0x10000)) + b"US\2\0"
        assert data.count(head) == 1
        at = data.index(head) + 8
        data = data[:at] + b"\xff\xff" + data[at + 2 :]
    path.write_bytes(data)
    with raises_code("VAL-TRUNCATED" if uid == RLE else "SRC-SIZE"):
        read(path)
