"""Frames compressed, each decoded again by another library and held against what went in (PS3.5 8.2, A.4, A.5)."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydicom.pixels.processing import convert_color_space

from derive.errors import SourceError, ValuesError
from derive.pixels.codecs import CODECS
from derive.pixels.compressions import DEFLATED, CompressionRow, rows
from derive.pixels.compressions import Compression as Compression
from derive.pixels.encode import PixelFormat
from derive.pixels.encoders import ENCODERS
from derive.pixels.recode import decoded
from derive.pixels.samples import SampleLayout

_RGB = "RGB"


def refuse_unsayable(compression: Compression, form: PixelFormat, shape: tuple[int, int]) -> None:
    """Refuse pixels that a transfer syntax has no way to say, or that its encoder gets wrong.

    Parameters
    ----------
    compression : Compression
    form : PixelFormat
    shape : (rows, columns)

    Raises
    ------
    ValuesError
        ``VAL-COMPRESS``, with the methods that can.
    """
    if _holds(compression.row, form, shape):
        return
    can = [row.method for row in rows().values() if row.lossy == compression.lossy and _holds(row, form, shape)]
    kind = "floating point" if form.floating else f"{form.samples} x {form.bits_stored} of {form.bits} bits a pixel"
    told = f"{shape[1]} x {shape[0]} pixels of {kind}"
    instead = f"wanted {' or '.join(can)}" if can else "no method can"
    how = "with loss" if compression.lossy else "without loss"
    raise ValuesError("VAL-COMPRESS", f"{compression.method} {how} cannot say {told}; {instead}")


def _holds(row: CompressionRow, form: PixelFormat, shape: tuple[int, int]) -> bool:
    if row.method == DEFLATED:
        return True
    codec = CODECS[row.transfer_syntax]
    colour = form.samples == 1 or form.photometric == _RGB
    deep = form.samples > 1 and form.bits > 8
    stored = codec.bits[0] <= form.bits_stored <= max(codec.bits[1], 32 * (not codec.codestream))
    whole = not row.all_stored or form.bits_stored == form.bits
    return (
        form.bits in row.bits
        and stored
        and whole
        and colour
        and not (deep or form.floating or min(shape) < row.least_side)
    )


class Packed(NamedTuple):
    """A frame that was compressed.

    Parameters
    ----------
    data : bytes
    words : (rows, columns, samples) array
        What it decodes to; of colour R G B.
    """

    data: bytes
    words: NDArray[Any]


def compressed(frame: NDArray[Any], layout: SampleLayout, compression: Compression, name: str = "a frame") -> bytes:
    """Compress a frame, and decode it again.

    Parameters
    ----------
    frame : (rows, columns) or (rows, columns, samples) array
        Stored values; of colour R G B.
    layout : SampleLayout
        How they lie, native; its transfer syntax is of no account.
    compression : Compression
        Any but deflated, which is of the data set.
    name : str
        For messages.

    Returns
    -------
    bytes
        Of even length is what they become in a fragment.

    Raises
    ------
    ValuesError
        ``VAL-ENCODE`` if it cannot be encoded, or does not decode to what went in (with loss: is not within what was
        asked for).
    """
    return packed(frame, layout, compression, name).data


def packed(frame: NDArray[Any], layout: SampleLayout, compression: Compression, name: str = "a frame") -> Packed:
    """Compress a frame as :func:`compressed` does, and return what it decodes to beside it."""
    words = np.asarray(frame).reshape(layout.rows, layout.columns, layout.samples)
    wanted = layout._replace(
        transfer_syntax=compression.transfer_syntax,
        frames=1,
        by_plane=False,
        photometric=compression.photometric(layout),
    )
    if compression.lossy and layout.signed:
        _refuse_signed(words, layout, compression, name)
    try:
        data = ENCODERS[compression.row.encoder](words, wanted, compression.setting)
    except (RuntimeError, ValueError, OSError) as error:
        raise ValuesError(
            "VAL-ENCODE", f"{name}: {compression.method} cannot encode it ({type(error).__name__})"
        ) from error
    assert data is not None, "an encoder of the table encodes, or raises"
    try:
        again, photometric = decoded(data, wanted, name)
    except (ValuesError, SourceError) as error:
        raise ValuesError(
            "VAL-ENCODE", f"{name}: what {compression.method} made of it cannot be decoded again"
        ) from error
    again = _as_rgb(again, photometric)
    if not compression.lossy and not np.array_equal(again, words):
        raise ValuesError("VAL-ENCODE", f"{name}: what {compression.method} made of it decodes to other values")
    if compression.row.bounded and np.abs(again.astype(np.int64) - words).max() > (compression.setting or 0):
        raise ValuesError("VAL-ENCODE", f"{name}: what {compression.method} made of it is further off than asked for")
    return Packed(data, again)


def _refuse_signed(words: NDArray[Any], layout: SampleLayout, compression: Compression, name: str) -> None:
    """Refuse signed values of what knows no sign (PS3.5 8.2.1, 8.2.3): near its ends one would become the other end."""
    method, setting = compression.method, compression.setting or 0
    if compression.row.signed == "no":
        raise ValuesError("VAL-COMPRESS", f"{name}: {method} cannot say signed values; wanted jpeg2000 or jpeg-ls")
    low, high = layout.stored_range
    if compression.row.signed == "inside" and (words.min() < low + setting or words.max() > high - setting):
        raise ValuesError(
            "VAL-COMPRESS",
            f"{name}: signed values reach {int(words.min())} to {int(words.max())}, within {setting:g} of the ends of "
            f"{layout.bits_stored} bits, and {method} knows no sign; wanted jpeg2000",
        )


def _as_rgb(words: NDArray[Any], photometric: str) -> NDArray[Any]:
    if not photometric.startswith("YBR_FULL"):
        return words
    return np.asarray(convert_color_space(words, "YBR_FULL", _RGB))
