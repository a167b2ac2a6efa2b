"""Frames of any colour decoded, and encoded again without loss.

GDCM has the encoders that no other permissively licensed package has together: JPEG Lossless, JPEG-LS, JPEG 2000, RLE.
Each result is decoded again and held against what went in; where there is no encoder, or it has it wrong, the caller
stores native samples, which are as lossless.
"""

from __future__ import annotations

from io import BytesIO
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from pydicom.encaps import encapsulate
from pydicom.pixels.decoders.base import get_decoder

from derive.errors import SourceError, ValuesError
from derive.pixels.codecs import CODECS, frame_options, uid_of
from derive.pixels.codestream import frame_size, is_whole_header
from derive.pixels.encapsulated import codestream_of
from derive.pixels.encoders import by_gdcm
from derive.pixels.listening import complaint, listened
from derive.pixels.samples import SampleLayout
from derive.told.secrecy import shown_uid

#: Colour as JPEG 2000 transforms it without loss; samples are RGB before and behind.
_TRANSFORMED, _RGB = "YBR_RCT", "RGB"
_JPEG_2000 = "1.2.840.10008.1.2.4.90"
#: Bits allocated -> bits stored, least and most, with which GDCM encodes; JPEG-LS of 7 bits ends the process.
_ENCODED = {8: (8, 8), 16: (8, 16), 32: (32, 32)}
#: Rows and columns that JPEG 2000 has to have for the levels that GDCM asks for. 2026-11-30: smaller frames, and those
#: of an odd number of bytes, end the process (RLE, JPEG 2000); 5,000 others of all sizes and bits did not.
_LEAST_SIDE = 32


def decoded(frame: bytes, layout: SampleLayout, name: str) -> tuple[NDArray[Any], str]:
    """Decode one compressed frame, as it is: no colour is transformed.

    Parameters
    ----------
    frame : bytes
    layout : SampleLayout
        Of a compressed transfer syntax.
    name : str
        For messages.

    Returns
    -------
    (rows, columns, samples) array
        Allocated words.
    str
        Photometric Interpretation that these have.

    Raises
    ------
    SourceError
        ``SRC-SYNTAX`` if there is no decoder.
    ValuesError
        ``VAL-DECODE`` if it fails.
    """
    codec = CODECS.get(layout.transfer_syntax)
    if codec is None or (codec.codestream and not codec.bits[0] <= layout.bits_stored <= codec.bits[1]):
        raise SourceError(
            "SRC-SYNTAX",
            f"{name}: transfer syntax {shown_uid(layout.transfer_syntax)} with Bits Stored {layout.bits_stored} has no "
            "decoder here; convert the file to another transfer syntax",
        )
    image = codestream_of(frame) if codec.codestream else frame
    size = frame_size(image) if codec.codestream else None
    wanted = (layout.rows, layout.columns, layout.samples)
    if codec.codestream and (size is None or size[:3] != wanted or not is_whole_header(image)):
        raise ValuesError("VAL-DECODE", f"{name}: a compressed frame is not of the size that its attributes say")
    try:
        (words, meta), heard = listened(lambda: _decode(image, layout, codec.plugin))
    except Exception as error:  # decoders raise whatever they like on a damaged stream
        raise ValuesError("VAL-DECODE", f"{name}: a frame cannot be decoded ({codec.plugin})") from error
    if codec.codestream and complaint(heard, image):
        raise ValuesError("VAL-DECODE", f"{name}: a compressed frame is damaged; some of its values are lost")
    photometric = str(meta["photometric_interpretation"])
    if photometric == "YBR_FULL_422":  # the decoder gives each pixel its own chrominance, and leaves the name
        photometric = "YBR_FULL"
    return np.array(words).reshape(wanted), photometric


def _decode(image: bytes, layout: SampleLayout, plugin: str) -> tuple[NDArray[Any], dict[str, Any]]:
    decoder = get_decoder(uid_of(layout.transfer_syntax))
    packed = encapsulate([image], has_bot=False)
    return cast(
        "tuple[NDArray[Any], dict[str, Any]]",
        decoder.as_array(packed, index=0, raw=True, decoding_plugin=plugin, **frame_options(layout)),
    )


def encoded(words: NDArray[Any], layout: SampleLayout, name: str) -> bytes | None:
    """Encode one frame without loss.

    Parameters
    ----------
    words : (rows, columns, samples) array
        Allocated words.
    layout : SampleLayout
        Of the transfer syntax that is wanted, and of the words; YBR_RCT is RGB that is to be transformed.
    name : str
        For messages.

    Returns
    -------
    bytes or None
        The frame; None where it cannot be had without loss.
    """
    least, most = _ENCODED.get(layout.bits_allocated, (1, 0))
    if not least <= layout.bits_stored <= most or layout.high_bit != layout.bits_stored - 1:
        return None
    if words.nbytes % 2 or (layout.transfer_syntax == _JPEG_2000 and min(words.shape[:2]) < _LEAST_SIDE):
        return None
    try:
        encode = _transformed if layout.photometric == _TRANSFORMED else by_gdcm
        frame, _ = listened(lambda: encode(words, layout))
        if frame is None:
            return None
        again, photometric = decoded(frame, layout, name)
    except (ValuesError, SourceError, RuntimeError):
        return None
    wanted = _RGB if layout.photometric == _TRANSFORMED else layout.photometric
    return frame if photometric == wanted and np.array_equal(again, words) else None


def _transformed(words: NDArray[Any], layout: SampleLayout) -> bytes | None:
    """Encode RGB with the reversible transformation of colour, which GDCM leaves out and US images have to have."""
    from PIL import Image, features

    if not features.check("jpg_2000") or words.dtype != np.uint8 or layout.transfer_syntax != _JPEG_2000:
        return None
    written = BytesIO()
    Image.fromarray(words).save(written, "JPEG2000", irreversible=False, mct=1, no_jp2=True)
    return written.getvalue()
