"""Frames compressed, each decoded again by another library and held against what went in (PS3.5 8.2, A.4, A.5).

``compressions.tsv`` has a row for each method, with and without loss: its transfer syntax; who encodes it; how many
Bits Allocated it takes, and whether Bits Stored have to be all of them; the fewest rows and columns; what colours
become (PS3.5 8.2.1 to 8.2.4); and the Defined Term that says it of an image that lost something (PS3.3
C.7.6.1.1.5.1). Who decodes is :mod:`derive.pixels.codecs`, which is another library in every row.

*2026-12-01.* The encoder of high throughput states the precision of the words, so that Bits Stored have to be all of
them: decoders that believe the code stream would say more than there are.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydicom.pixels.processing import convert_color_space

from derive.errors import SourceError, UsageError, ValuesError
from derive.pixels.codecs import CODECS
from derive.pixels.encode import PixelFormat
from derive.pixels.encoders import ENCODERS, is_installed
from derive.pixels.recode import decoded
from derive.pixels.samples import SampleLayout
from derive.told.wording import flag

DEFLATED = "deflated"
_RGB = "RGB"


class _Row(NamedTuple):
    """A line of the table."""

    method: str
    lossy: bool
    transfer_syntax: str
    encoder: str
    bits: frozenset[int]
    all_stored: bool
    least_side: int
    colour: str
    term: str


@cache
def _rows() -> Mapping[tuple[str, bool], _Row]:
    text = files("derive.pixels").joinpath("compressions.tsv").read_text(encoding="utf-8")
    rows = {}
    for line in csv.DictReader(text.splitlines(), delimiter="\t"):
        lossy, bits = line["loss"] == "yes", frozenset(map(int, line["bits"].split()))
        side, whole = int(line["least_side"]), line["stored"] == "all"
        names = line["transfer_syntax"], line["encoder"]
        rows[line["method"], lossy] = _Row(
            line["method"], lossy, *names, bits, whole, side, line["colour"], line["term"]
        )
    return rows


def methods(*, lossy: bool = False) -> tuple[str, ...]:
    """Return the methods that lose something, or those that lose nothing."""
    return tuple(method for method, loses in _rows() if loses == lossy)


@dataclass(frozen=True)
class Compression:
    """How pixels are encoded when they are written.

    Parameters
    ----------
    method : {"jpeg2000", "jpeg-ls", "rle", "htj2k", "deflated", "jpeg"}
    setting : float, optional
        Of a method with loss: the ratio of JPEG 2000, the largest error of JPEG-LS in stored values, the quality of
        JPEG from 1 to 100. None: without loss.

    Raises
    ------
    UsageError
        ``OPT-COMPRESS`` for a method, or a setting, that there is none of; ``OPT-PACKAGE`` where what encodes is not
        installed.
    """

    method: str
    setting: float | None = None

    def __post_init__(self) -> None:
        wanted = methods(lossy=self.lossy)
        if self.method not in wanted:
            kind = "with loss" if self.lossy else "without loss"
            raise UsageError("OPT-COMPRESS", f"compression {self.method!r:.40} {kind}; wanted {', '.join(wanted)}")
        if not all(is_installed(name) for name in (self.row.encoder, self._decoder)):
            raise UsageError(
                "OPT-PACKAGE",
                f"{self.method} needs packages that are not installed: pip install 'dicom-derive[compress]'; "
                f"{flag('compress', 'rle')} and {flag('compress', DEFLATED)} need none",
            )

    @property
    def lossy(self) -> bool:
        """Whether it may lose something."""
        return self.setting is not None

    @property
    def row(self) -> _Row:
        """What the table says of it."""
        return _rows()[self.method, self.lossy]

    @property
    def transfer_syntax(self) -> str:
        """UID of its transfer syntax."""
        return self.row.transfer_syntax

    @property
    def term(self) -> str:
        """Defined Term of Lossy Image Compression Method; empty of what loses nothing."""
        return self.row.term

    @property
    def _decoder(self) -> str:
        codec = CODECS.get(self.transfer_syntax)
        return codec.plugin if codec else ""

    def photometric(self, form: PixelFormat | SampleLayout) -> str:
        """Return the Photometric Interpretation that pixels have when they are compressed."""
        return self.row.colour if form.samples > 1 and self.row.colour else form.photometric


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
    can = [row.method for row in _rows().values() if row.lossy == compression.lossy and _holds(row, form, shape)]
    kind = "floating point" if form.floating else f"{form.samples} x {form.bits_stored} of {form.bits} bits a pixel"
    told = f"{shape[1]} x {shape[0]} pixels of {kind}"
    instead = f"wanted {' or '.join(can)}" if can else "no method can"
    how = "with loss" if compression.lossy else "without loss"
    raise ValuesError("VAL-COMPRESS", f"{compression.method} {how} cannot say {told}; {instead}")


def _holds(row: _Row, form: PixelFormat, shape: tuple[int, int]) -> bool:
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
    return Packed(data, again)


def _as_rgb(words: NDArray[Any], photometric: str) -> NDArray[Any]:
    if not photometric.startswith("YBR_FULL"):
        return words
    return np.asarray(convert_color_space(words, "YBR_FULL", _RGB))
