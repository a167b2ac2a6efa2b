"""Pictures for Secondary Capture: what a file shows becomes stored values as they are, or is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from derive.conversion.options import MULTI_FRAME, Conversion
from derive.errors import GeometryError, UsageError, ValuesError
from derive.formats.samples import Samples
from derive.model.dimension import Dimension
from derive.model.frames import FRAME_TIME, PAGE_NUMBER, Pictures
from derive.model.reorient import Placing
from derive.told.wording import flag

#: What vectors with a number a page can hold in their 64 KiB (PS3.5 7.1.2), and pixel data in 4 GiB.
MOST_PAGES = 8000
MOST_BYTES = (1 << 32) - 2
LONGEST_SIDE = 65535


def as_pictures(samples: Samples, wishes: Conversion, placing: Placing | None) -> Pictures:
    """Make pages of what a file holds.

    Parameters
    ----------
    samples : Samples
    wishes : Conversion
    placing : Placing, optional
        Where the pages lie; without it they are (columns, rows, pages) of the file and lie nowhere.

    Raises
    ------
    ValuesError, GeometryError, UsageError
        ``VAL-PICTURE``, ``VAL-PAGES``, ``GEO-4D``, ``GEO-MATRIX``, ``VAL-MEANING``.
    """
    if samples.times > 1:
        raise GeometryError(
            "GEO-4D", f"{samples.name} holds {samples.times} volumes; {flag('frame_index', 'N')} takes one"
        )
    if wishes.values not in (None, "as-is") or wishes.units or wishes.nan_value is not None:
        raise UsageError(
            "VAL-MEANING",
            f"pictures are stored as they are: no {flag('values')}, {flag('units')} or {flag('nan_value')}",
        )
    together = wishes.kind == MULTI_FRAME
    if placing is None:
        pages = samples.array.transpose(3, 2, 1, 0, *range(4, samples.array.ndim))[0]
    else:
        pages = placing.of(samples.array)[0]
    stored = _stored(pages, samples, bits=together)
    _check_size(stored, samples.name, together)
    return Pictures(
        stored,
        None if placing is None else placing.geometry,
        dimension=_apart(len(stored), wishes.frame_time_ms) if together else None,
    )


def _apart(pages: int, frame_time_ms: float | None) -> Dimension | None:
    """What tells pages apart: the time from the one before, else their number; a single one is alone."""
    if pages == 1:
        return None
    if frame_time_ms is None:
        return Dimension(PAGE_NUMBER, tuple(range(1, pages + 1)))
    return Dimension(FRAME_TIME, (0.0, *[float(frame_time_ms)] * (pages - 1)), "ms")


def _stored(pages: NDArray[Any], samples: Samples, *, bits: bool) -> NDArray[Any]:
    """Whole numbers of 8 or 16 bits as they are; a single image of black and white in 8 bits."""
    if pages.dtype == bool and not bits:
        return pages.astype(np.uint8) * np.uint8(255)
    if pages.dtype in (np.bool_, np.uint8, np.uint16):
        return pages.astype(pages.dtype.newbyteorder("="))
    low, high = pages.min(), pages.max()
    if pages.dtype.kind in "iu" and samples.scale == (1.0, 0.0) and low >= 0 and high <= LONGEST_SIDE:
        return pages.astype(np.uint16)
    raise ValuesError(
        "VAL-PICTURE",
        f"{samples.name} holds {pages.dtype} from {low} to {high}; a picture has whole numbers of 8 or 16 unsigned "
        "bits, or 8 bits of red, green and blue. Values that mean something belong in CT, MR or PT",
    )


def _check_size(pages: NDArray[Any], name: str, together: bool) -> None:
    if max(pages.shape[1:3]) > LONGEST_SIDE:
        raise GeometryError("GEO-MATRIX", f"{name} is {pages.shape[1:3]}; an image has at most {LONGEST_SIDE} rows")
    if together and (len(pages) > MOST_PAGES or pages.nbytes > MOST_BYTES):
        raise ValuesError(
            "VAL-PAGES",
            f"{name} has {len(pages)} pages of {pages.nbytes / 1e6:.0f} MB in all; one instance takes {MOST_PAGES} "
            f"pages and 4 GiB. {flag('kind', 'secondary-capture')} makes one instance a page",
        )
