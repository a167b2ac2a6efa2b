"""Data sets encoded as one likes: Implicit or Explicit VR, element by element."""

from __future__ import annotations

import struct
import zlib

from pydicom.dataset import Dataset

from derive.standard.vr import LONG_LENGTH_VRS

META = {"1.2.840.10008.1.2": "Implicit", "1.2.840.10008.1.2.1": "Explicit"}


def part10(declared, body):
    """Preamble, File Meta Information that declares a transfer syntax, and a data set as it is given."""
    text = declared.encode() + b"\0" * (len(declared) % 2)
    meta = b"\2\0\x10\0UI" + struct.pack("<H", len(text)) + text
    return bytes(128) + b"DICM" + b"\2\0\0\0UL\4\0" + struct.pack("<L", len(meta)) + meta + body


def encoded(dataset, is_implicit, path=()):
    """Encode a data set; ``is_implicit(path)`` says how each element is, ``path`` being its tags from the outside."""
    return b"".join(_element(dataset[tag], is_implicit, (*path, int(tag))) for tag in sorted(dataset.keys()))


def _element(element, is_implicit, path):
    head = struct.pack("<HH", element.tag.group, element.tag.element)
    if element.VR == "SQ":
        parts = [encoded(item, is_implicit, path) for item in element.value]
        value = b"".join(b"\xfe\xff\x00\xe0" + struct.pack("<L", len(p)) + p for p in parts)
    else:
        value = _value(element)
    if is_implicit(path):
        return head + struct.pack("<L", len(value)) + value
    if element.VR in LONG_LENGTH_VRS:
        return head + element.VR.encode() + b"\0\0" + struct.pack("<L", len(value)) + value
    return head + element.VR.encode() + struct.pack("<H", len(value)) + value


def _value(element):
    whole = Dataset()
    whole[element.tag] = element
    from io import BytesIO

    stream = BytesIO()
    whole.save_as(stream, implicit_vr=True, little_endian=True)
    return stream.getvalue()[8:]


def deflated(body):
    """Deflate a data set (PS3.5 A.5)."""
    pack = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    data = pack.compress(body) + pack.flush()
    return data + b"\0" * (len(data) % 2)
