"""What a compressed image carries beside its samples: comments, Exif, and thumbnails of what it showed once.

Decoders need none of it. What an encoder says of itself stays, so that nearly all images stay as they are.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator

_JPEG, _J2K = b"\xff\xd8", b"\xff\x4f\xff\x51"
_SCAN, _TILE_PART = 0xDA, 0x90
_COM, _J2K_COM = 0xFE, 0x64
_APP0, _LAST_APP = 0xE0, 0xEF
#: Applications whose segments say how samples are meant: JFIF and its lossless kin, ICC, SPIFF (and its end), Adobe.
_JFIF = b"JFIF\0"
_MEANT = {
    0xE0: (_JFIF, b"LJIF\0"),
    0xE2: (b"ICC_PROFILE\0",),
    0xE8: (b"SPIFF\0", b"\0\0\0\1"),
    0xEE: (b"Adobe",),
}
#: JFIF without the thumbnail that may follow.
_JFIF_LENGTH = 14
_ENCODER = re.compile(
    rb"[\x00-\x02]{0,2}[^\x00-\x1f]{0,40}(openjp|kakadu|jasper|lead tech|lavc|libjpeg|ijg|dcmtk|gdcm|accusoft|pegasus"
    rb"|charls|aware|matrox|mainconcept|intel|mitra)[^\x00-\x1f]{0,40}\x00?",
    re.IGNORECASE,
)


def without_comments(codestream: bytes) -> bytes:
    """Return a codestream without comments, Exif and thumbnails in front of its samples; itself where it has none."""
    if codestream.startswith(_JPEG):
        parts = list(_kept(codestream, len(_JPEG), _SCAN))
    elif codestream.startswith(_J2K):
        parts = list(_kept(codestream, 2, _TILE_PART))
    else:
        return codestream
    bare = codestream[:2] + b"".join(parts)
    return codestream if len(bare) == len(codestream) else bare


def _kept(data: bytes, at: int, last: int) -> Iterator[bytes]:
    """Give the segments that stay, and all from the first scan or tile-part on."""
    while at + 4 <= len(data) and data[at] == 0xFF and data[at + 1] != last:
        marker = data[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        (length,) = struct.unpack_from(">H", data, at + 2)
        body = data[at + 4 : at + 2 + length]
        if marker == _APP0 and body.startswith(_JFIF):
            body = body[: _JFIF_LENGTH - 2] + b"\0\0"
            yield data[at : at + 2] + struct.pack(">H", len(body) + 2) + body
        elif _stays(marker, body, last):
            yield data[at : at + 2 + length]
        at += 2 + length
    yield data[at:]


def _stays(marker: int, body: bytes, last: int) -> bool:
    if marker == (_COM if last == _SCAN else _J2K_COM):
        return bool(_ENCODER.fullmatch(body))
    if last == _SCAN and _APP0 <= marker <= _LAST_APP:
        return body.startswith(_MEANT.get(marker, ()))
    return True
