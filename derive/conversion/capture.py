"""Pictures for Secondary Capture: what a file shows becomes stored values as they are, or is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from derive.conversion.options import MULTI_FRAME, Conversion
from derive.errors import GeometryError, UsageError, ValuesError
from derive.formats.samples import Samples
from derive.model.dimension import Dimension
from derive.model.frames import FRAME_TIME, Pictures
from derive.model.pages import LARGEST, as_bytes, check_pages, numbered
from derive.model.reorient import Placing
from derive.told.wording import flag


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
    check_pages(stored, samples.name, together)
    return Pictures(
        stored,
        None if placing is None else placing.geometry,
        dimension=_apart(len(stored), wishes.frame_time_ms) if together else None,
    )


def _apart(pages: int, frame_time_ms: float | None) -> Dimension | None:
    """What tells pages apart: the time from the one before, else their number; a single one is alone."""
    if pages == 1 or frame_time_ms is None:
        return numbered(pages)
    return Dimension(FRAME_TIME, (0.0, *[float(frame_time_ms)] * (pages - 1)), "ms")


def _stored(pages: NDArray[Any], samples: Samples, *, bits: bool) -> NDArray[Any]:
    """Whole numbers of 8 or 16 bits as they are; a single image of black and white in 8 bits."""
    if pages.dtype == bool and not bits:
        return as_bytes(pages)
    if pages.dtype in (np.bool_, np.uint8, np.uint16):
        return pages.astype(pages.dtype.newbyteorder("="))
    low, high = pages.min(), pages.max()
    if pages.dtype.kind in "iu" and samples.scale == (1.0, 0.0) and low >= 0 and high <= LARGEST:
        return pages.astype(np.uint16)
    raise ValuesError(
        "VAL-PICTURE",
        f"{samples.name} holds {pages.dtype} from {low} to {high}; a picture has whole numbers of 8 or 16 unsigned "
        "bits, or 8 bits of red, green and blue. Values that mean something belong in CT, MR or PT",
    )
