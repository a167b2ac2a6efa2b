"""Pictures: stored values that are shown as they are (Secondary Capture, PS3.3 A.8)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from derive.errors import ValuesError
from derive.model.geometry import Geometry
from derive.model.volume import Contributors, Quantity, Volume
from derive.pixels.encode import EncodedFrame, Encoding, PixelFormat

#: By the type of the numbers, and whether there are three of them a pixel.
FORMATS = {
    ("bool", False): PixelFormat(1),
    ("uint8", False): PixelFormat(8),
    ("uint16", False): PixelFormat(16),
    ("uint8", True): PixelFormat(8, 3, "RGB"),
}


@dataclass(frozen=True, eq=False)
class Pictures:
    """Pages of stored values.

    Parameters
    ----------
    pages : (pages, rows, columns) or (pages, rows, columns, 3)
        bool, uint8 or uint16; uint8 for R G B.
    geometry : Geometry, optional
        Where the pages lie; None for pictures that lie nowhere.
    contributors : callable (page) -> tuple of FrameRef
        The frames of the sources behind a page.
    multi_frame : bool
        Whether all pages are frames of one instance.
    frame_time_ms : float, optional
        Time from frame to frame, of frames that are shown one after the other.

    Raises
    ------
    ValuesError
        ``VAL-PICTURE`` for numbers that no class of pictures holds.
    """

    pages: NDArray[Any]
    geometry: Geometry | None = None
    contributors: Contributors = lambda page: ()
    multi_frame: bool = False
    frame_time_ms: float | None = None

    def __post_init__(self) -> None:
        if (str(self.pages.dtype), self.colour) not in FORMATS or self.pages.ndim != 3 + self.colour:
            raise ValuesError(
                "VAL-PICTURE",
                f"{self.pages.dtype} of shape {self.pages.shape} is no picture; "
                "wanted bits, or 8 or 16 unsigned bits a pixel, or three times 8 bits for R G B",
            )

    @property
    def colour(self) -> bool:
        """Whether a pixel is R G B."""
        return self.pages.ndim == 4 and self.pages.shape[3] == 3

    @property
    def pixel_format(self) -> PixelFormat:
        """How they lie in Pixel Data."""
        return FORMATS[str(self.pages.dtype), self.colour]

    @property
    def shape(self) -> tuple[int, int, int]:
        """(pages, rows, columns)."""
        pages, rows, columns = self.pages.shape[:3]
        return pages, rows, columns

    @property
    def count(self) -> int:
        """How many instances they make."""
        return 1 if self.multi_frame else self.shape[0]

    @property
    def layout(self) -> str:
        """How the pages lie: with the pixels all that tells two of them apart."""
        return f"{self.geometry} {self.pages.shape} {self.pages.dtype} {self.multi_frame} {self.frame_time_ms}"

    @property
    def stored_bytes(self) -> int:
        """Bytes of all its stored values, generously: a byte for a bit."""
        return self.pages.nbytes

    @property
    def quantity(self) -> Quantity:
        """Pictures measure nothing."""
        return Quantity()

    def encoded(self, index: int) -> EncodedFrame:
        """Return the stored values of one instance: they are what they are."""
        stored = np.ascontiguousarray(self.pages if self.multi_frame else self.pages[index])
        low, high = int(stored.min()), int(stored.max())
        return EncodedFrame(stored, Encoding(1.0, 0.0, False), low, high, 0.0, 0)


Content: TypeAlias = Volume | Pictures
