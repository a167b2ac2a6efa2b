"""Pages of pictures: how many, how large, and what tells them apart."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from derive.errors import GeometryError, ValuesError
from derive.model.dimension import Dimension
from derive.model.frames import PAGE_NUMBER
from derive.told.wording import flag

#: What vectors with a number a page can hold in their 64 KiB (PS3.5 7.1.2), and pixel data in 4 GiB.
MOST_PAGES = 8000
MOST_BYTES = (1 << 32) - 2
#: Rows and columns, and stored values, are 16 bits.
LARGEST = 65535


def numbered(pages: int) -> Dimension | None:
    """Return their numbers, where they are several."""
    return Dimension(PAGE_NUMBER, tuple(range(1, pages + 1))) if pages > 1 else None


def as_bytes(bits: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Return black and white in 8 bits a pixel: a single image has no others."""
    return bits.astype(np.uint8) * np.uint8(255)


def check_pages(pages: NDArray[Any], name: str, together: bool) -> None:
    """Refuse more than an image, or all of them in one instance, can have.

    Parameters
    ----------
    pages : (pages, rows, columns) or (pages, rows, columns, 3)
    name : str
        Of what they come from.
    together : bool
        Whether all go into one instance.

    Raises
    ------
    GeometryError
        ``GEO-MATRIX``
    ValuesError
        ``VAL-PAGES``
    """
    if max(pages.shape[1:3]) > LARGEST:
        raise GeometryError("GEO-MATRIX", f"{name} is {pages.shape[1:3]}; an image has at most {LARGEST} rows")
    if together and (len(pages) > MOST_PAGES or pages.nbytes > MOST_BYTES):
        raise ValuesError(
            "VAL-PAGES",
            f"{name} has {len(pages)} pages of {pages.nbytes / 1e6:.0f} MB in all; one instance takes {MOST_PAGES} "
            f"pages and 4 GiB. {flag('kind', 'secondary-capture')} makes one instance a page",
        )
