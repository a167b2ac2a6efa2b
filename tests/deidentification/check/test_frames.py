"""Compressed frames: bit-equal where nobody asked to blank, but for what programs wrote beside the picture."""

from __future__ import annotations

import pytest
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate

from derive.deidentification.check.checker import DeidChecker
from derive.deidentification.profile.profile import Profile
from tests.helpers.by_hand import cleaned, image, stored

BASELINE, J2K, RLE = "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.5"


def segment(marker: int, data: bytes) -> bytes:
    return bytes([0xFF, marker]) + (len(data) + 2).to_bytes(2, "big") + data


def jpeg(*segments: bytes, scan: bytes = b"\x11\x22\x33\x44") -> bytes:
    return b"\xff\xd8" + b"".join(segments) + segment(0xC0, b"frame") + segment(0xDA, b"scan") + scan + b"\xff\xd9"


def j2k(*segments: bytes, scan: bytes = b"\x11\x22\x33\x44") -> bytes:
    return b"\xff\x4f" + segment(0x51, b"size") + b"".join(segments) + segment(0x90, b"tile") + scan + b"\xff\xd9"


COMMENT, EXIF = segment(0xFE, b"of Quillfeather"), segment(0xE1, b"Exif\0\0 MRN778812X ")
J2K_COMMENT = segment(0x64, b"\0\1of Quillfeather")


def compressed(ds: Dataset, syntax: str, *frames: bytes) -> Dataset:
    ds.file_meta.TransferSyntaxUID = syntax
    ds.PixelData = encapsulate(list(frames))
    ds["PixelData"].is_undefined_length = True
    return ds


def found(syntax: str, before: list[bytes], after: list[bytes]) -> set[tuple[str, str]]:
    original = compressed(image(), syntax, *before)
    written = compressed(cleaned(image()), syntax, *after)
    return {(v.code, v.path) for v in DeidChecker(Profile()).pair(stored(original), stored(written))}


@pytest.mark.parametrize(
    ("syntax", "before", "after"),
    [
        (BASELINE, [jpeg()], [jpeg()]),
        (BASELINE, [jpeg(COMMENT, EXIF)], [jpeg()]),
        (BASELINE, [jpeg(COMMENT), jpeg(EXIF)], [jpeg(), jpeg()]),
        (J2K, [j2k(J2K_COMMENT)], [j2k()]),
        (RLE, [bytes(64) + b"\1\2"], [bytes(64) + b"\1\2"]),
    ],
)
def test_the_same_picture_is_no_violation(syntax, before, after):
    assert found(syntax, before, after) == set()


@pytest.mark.parametrize(
    ("syntax", "before", "after"),
    [
        (BASELINE, [jpeg()], [jpeg(scan=b"\x11\x22\x33\x45")]),
        (BASELINE, [jpeg(COMMENT), jpeg()], [jpeg()]),
        (J2K, [j2k(J2K_COMMENT)], [j2k(scan=b"\x11\x22\x33\x45")]),
        (RLE, [bytes(64) + b"\1\2"], [bytes(64) + b"\1\3"]),
    ],
)
def test_another_picture_is(syntax, before, after):
    assert found(syntax, before, after) == {("DCK-PIXELS", "PixelData")}


@pytest.mark.parametrize(
    ("syntax", "frame"), [(BASELINE, jpeg(COMMENT)), (BASELINE, jpeg(EXIF)), (J2K, j2k(J2K_COMMENT))]
)
def test_a_name_beside_the_picture_is(syntax, frame):
    assert found(syntax, [frame], [frame]) == {("DCK-IDENTIFIER", "PixelData")}
