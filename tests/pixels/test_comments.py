"""Comments, Exif and thumbnails of compressed images go; what decoders need, and encoders say of themselves, stays."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from PIL import Image

from derive.pixels.comments import without_comments

PICTURE = Image.fromarray(np.add.outer(np.arange(40), np.arange(50)).astype(np.uint8))


def coded(form: str = "JPEG", **options) -> bytes:
    written = io.BytesIO()
    PICTURE.save(written, form, **options)
    return written.getvalue()


def with_segment(codestream: bytes, marker: int, body: bytes, at: int = 2) -> bytes:
    return codestream[:at] + bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body + codestream[at:]


def same_picture(one: bytes, other: bytes) -> bool:
    return np.array_equal(*(np.asarray(Image.open(io.BytesIO(c))) for c in (one, other)))


@pytest.mark.parametrize("marker", [0xFE, 0xE0, 0xE1, 0xE2, 0xED, 0xEF])
def test_what_may_say_who_it_is_goes(marker):
    before = with_segment(coded(), marker, b"DOE^JANE 12.3.1970")
    after = without_comments(before)
    assert b"DOE" not in after
    assert same_picture(before, after)


def test_a_thumbnail_goes():
    plain = coded()
    assert plain[6:11] == b"JFIF\0"
    jfif = plain[6:18] + bytes([2, 2]) + bytes(range(100, 112))
    before = with_segment(plain[:2] + plain[20:], 0xE0, jfif)
    after = without_comments(before)
    assert bytes(range(100, 112)) not in after
    assert same_picture(before, after)


@pytest.mark.parametrize("comment", [b"LEAD Technologies Inc. V1.01", b"Lavc58.54.100", b"File written by GDCM 3.0\0"])
def test_what_an_encoder_says_of_itself_stays(comment):
    before = coded(comment=comment)
    assert without_comments(before) is before


NEEDED = {
    "JFIF without loss": (0xE0, b"LJIF\0\1\0\0\0\0\0\0\0"),
    "ICC": (0xE2, b"ICC_PROFILE\0\1\1rest"),
    "SPIFF": (0xE8, b"SPIFF\0"),
    "its end": (0xE8, b"\0\0\0\1\xff\xd8"),
    "Adobe": (0xEE, b"Adobe\0d\0\0\0\0\0"),
}


@pytest.mark.parametrize("marker", NEEDED.values(), ids=NEEDED)
def test_what_decoders_need_stays(marker):
    before = with_segment(coded(), *marker)
    assert without_comments(before) is before


def test_comments_of_jpeg_2000():
    plain = coded("JPEG2000", no_jp2=True)
    assert without_comments(plain) is plain, "Created by OpenJPEG"
    size_end = 4 + struct.unpack(">H", plain[4:6])[0]
    before = with_segment(plain, 0x64, b"\0\1DOE^JANE", size_end)
    after = without_comments(before)
    assert b"DOE" not in after
    assert after == plain


@pytest.mark.parametrize("data", [b"", b"\xff", b"\xff\xd8\xff", b"\0" * 70, b"\xff\xd8\xff\xe1\xff\xff"])
def test_what_is_none_of_these_stays_or_is_shorter(data):
    assert len(without_comments(data)) <= len(data)
