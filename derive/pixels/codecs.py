"""Who decodes which transfer syntax (PS3.5 8.2, Annex A)."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple, Protocol

from pydicom.config import IGNORE
from pydicom.uid import UID


@cache
def uid_of(text: str) -> UID:
    """Return what pydicom knows of a UID."""
    return UID(text, IGNORE)  # of what is none pydicom warns with its value


class FrameLayout(Protocol):
    """How the samples of a frame lie, as far as a codec has to know (PS3.3 C.7.6.3)."""

    @property
    def rows(self) -> int:
        """Rows."""

    @property
    def columns(self) -> int:
        """Columns."""

    @property
    def samples(self) -> int:
        """Samples per Pixel."""

    @property
    def bits_allocated(self) -> int:
        """Bits Allocated."""

    @property
    def bits_stored(self) -> int:
        """Bits Stored."""

    @property
    def signed(self) -> bool:
        """Pixel Representation."""

    @property
    def photometric(self) -> str:
        """Photometric Interpretation."""


def frame_options(layout: FrameLayout) -> dict[str, Any]:
    """Return what pydicom's encoders and decoders are told of one frame whose samples lie pixel by pixel."""
    return {
        "rows": layout.rows,
        "columns": layout.columns,
        "number_of_frames": 1,
        "samples_per_pixel": layout.samples,
        "bits_allocated": layout.bits_allocated,
        "bits_stored": layout.bits_stored,
        "photometric_interpretation": layout.photometric,
        "pixel_representation": int(layout.signed),
        "pixel_keyword": "PixelData",
        **({"planar_configuration": 0} if layout.samples > 1 else {}),
    }


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
