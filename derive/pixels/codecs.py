"""Who decodes which transfer syntax (PS3.5 8.2, Annex A)."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from pydicom.config import IGNORE
from pydicom.uid import UID


@cache
def uid_of(text: str) -> UID:
    """Return what pydicom knows of a UID."""
    return UID(text, IGNORE)  # of what is none pydicom warns with its value


class Codec(NamedTuple):
    """Who decodes a transfer syntax.

    Parameters
    ----------
    plugin : str
        pydicom's name of the decoder: one and no other, so that a file has the same pixels everywhere.
    loss : {"none", "possible", "certain"}
        What the syntax does to values.
    bits : (least, most)
        Bits Stored that the decoder has right.
    codestream : bool
        Whether a fragment holds a codestream that states its size and ends with a marker.
    method : str
        Defined Term of Lossy Image Compression Method, where there can be loss (PS3.3 C.7.6.1.1.5.1).
    """

    plugin: str
    loss: str = "none"
    bits: tuple[int, int] = (1, 24)
    codestream: bool = True
    method: str = ""


CODECS = {
    "1.2.840.10008.1.2.4.50": Codec("gdcm", "certain", (1, 8), method="ISO_10918_1"),
    "1.2.840.10008.1.2.4.51": Codec("gdcm", "certain", (1, 8), method="ISO_10918_1"),
    "1.2.840.10008.1.2.4.57": Codec("gdcm"),
    "1.2.840.10008.1.2.4.70": Codec("gdcm"),
    "1.2.840.10008.1.2.4.80": Codec("gdcm", bits=(8, 16)),
    "1.2.840.10008.1.2.4.81": Codec("gdcm", "certain", (8, 16), method="ISO_14495_1"),
    "1.2.840.10008.1.2.4.90": Codec("gdcm"),
    "1.2.840.10008.1.2.4.91": Codec("gdcm", "possible", method="ISO_15444_1"),
    "1.2.840.10008.1.2.4.201": Codec("pylibjpeg"),
    "1.2.840.10008.1.2.4.202": Codec("pylibjpeg"),
    "1.2.840.10008.1.2.4.203": Codec("pylibjpeg", "possible", method="ISO_15444_15"),
    "1.2.840.10008.1.2.5": Codec("pydicom", codestream=False),
}
