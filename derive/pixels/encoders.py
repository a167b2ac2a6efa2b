"""One frame encoded by somebody's library: GDCM, OpenJPEG, CharLS, OpenJPH, libjpeg, pydicom.

Which library encodes which method is a row of ``compressions.tsv``: one and no other, so that the same frame gives the
same bytes everywhere. What they made is decoded again by whoever calls: an encoder is believed nothing.

*2026-12-01.* imagecodecs lets other threads run while it encodes, and has OpenJPEG encode frames of any size;
pylibjpeg-openjpeg, the one in which a ratio can be asked for, ends the process when two threads encode, and refuses
frames below 32 pixels. CharLS in pyjpegls states the precision that Bits Stored says, in imagecodecs that of the words.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping
from io import BytesIO
from typing import Any

import gdcm
import numpy as np
from numpy.typing import NDArray
from pydicom.pixels.encoders.base import get_encoder

from derive.pixels.codecs import frame_options, uid_of
from derive.pixels.samples import SampleLayout

#: What an encoder gets: the words of a frame (rows, columns, samples), how they lie and are to be encoded, a setting.
Encoder = Callable[[NDArray[Any], SampleLayout, float | None], bytes | None]
_PIXEL_DATA = (0x7FE0, 0x0010)
_TRANSFORMED = ("YBR_RCT", "YBR_ICT")
#: OpenJPEG halves a frame five times by default; fewer times where it has fewer pixels.
_HALVED = 5
_HIGH_THROUGHPUT = "1.2.840.10008.1.2.4.201"
_one_at_a_time = threading.Lock()


def by_imagecodecs(words: NDArray[Any], layout: SampleLayout, _: float | None) -> bytes:
    """Encode as JPEG 2000 without loss, by OpenJPEG; or with high throughput, by OpenJPH."""
    import imagecodecs  # of the extra, and heavy

    image = _squeezed(words)
    if layout.transfer_syntax == _HIGH_THROUGHPUT:
        return bytes(imagecodecs.htj2k_encode(image, reversible=True))
    halved = min(_HALVED, int(math.log2(min(words.shape[:2]))))
    return bytes(
        imagecodecs.jpeg2k_encode(
            image,
            level=0,
            codecformat="j2k",
            bitspersample=layout.bits_stored,
            resolutions=halved + 1,
            reversible=True,
            mct=layout.photometric in _TRANSFORMED,
        )
    )


def by_pylibjpeg(words: NDArray[Any], layout: SampleLayout, setting: float | None) -> bytes:
    """Encode as JPEG 2000 with loss, by OpenJPEG, at a ratio to the native bytes; it counts Bits Stored."""
    ratio = max(1.0, (setting or 1.0) * layout.bits_stored / layout.bits_allocated)
    with _one_at_a_time:
        return _by_pydicom(words, layout, "pylibjpeg", {"j2k_cr": [ratio]})


def by_pyjpegls(words: NDArray[Any], layout: SampleLayout, setting: float | None) -> bytes:
    """Encode as JPEG-LS, by CharLS; with loss where there is a largest error."""
    return _by_pydicom(words, layout, "pyjpegls", {"jls_error": int(setting)} if setting else {})


def by_run_length(words: NDArray[Any], layout: SampleLayout, _: float | None) -> bytes:
    """Encode runs, by GDCM; frames of an odd number of bytes, with which it ends the process, by pydicom."""
    if words.nbytes % 2 or layout.bits_allocated > 16:
        return _by_pydicom(words, layout, "pydicom", {})
    return _by_pydicom(words, layout, "gdcm", {})


def by_pillow(words: NDArray[Any], layout: SampleLayout, setting: float | None) -> bytes:
    """Encode as JPEG baseline, by libjpeg, at a quality; of colour two pixels of a row share their chrominance."""
    from PIL import Image

    written = BytesIO()
    subsampling = {} if layout.samples == 1 else {"subsampling": "4:2:2"}
    Image.fromarray(_squeezed(words)).save(written, "JPEG", quality=int(setting or 0), **subsampling)
    return written.getvalue()


ENCODERS: Mapping[str, Encoder] = {
    "imagecodecs": by_imagecodecs,
    "pylibjpeg": by_pylibjpeg,
    "pyjpegls": by_pyjpegls,
    "pydicom": by_run_length,
    "pillow": by_pillow,
}


def _by_pydicom(words: NDArray[Any], layout: SampleLayout, plugin: str, more: Mapping[str, Any]) -> bytes:
    encoder = get_encoder(uid_of(layout.transfer_syntax))
    said = {**frame_options(layout), **more, "encoding_plugin": plugin}
    return bytes(encoder.encode(_squeezed(words), index=None, **said))


def _squeezed(words: NDArray[Any]) -> NDArray[Any]:
    """Return a frame as libraries take it: one sample a pixel without an axis for it, in the machine's byte order."""
    image = words[..., 0] if words.shape[2] == 1 else words
    return np.ascontiguousarray(image, image.dtype.newbyteorder("="))


def by_gdcm(words: NDArray[Any], layout: SampleLayout, _: float | None = None) -> bytes | None:
    """Encode without loss, by GDCM; None where it cannot.

    It has what no other permissively licensed package has together: JPEG Lossless, JPEG-LS, JPEG 2000, RLE.
    """
    writer = gdcm.ImageWriter()  # it owns the image
    image = writer.GetImage()
    image.SetNumberOfDimensions(2)
    image.SetDimensions((layout.columns, layout.rows, 1))
    interpretation = gdcm.PhotometricInterpretation.GetPIType(layout.photometric)
    image.SetPhotometricInterpretation(gdcm.PhotometricInterpretation(interpretation))
    image.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.ExplicitVRLittleEndian))
    bits = layout.bits_allocated, layout.bits_stored, layout.bits_stored - 1
    image.SetPixelFormat(gdcm.PixelFormat(layout.samples, *bits, int(layout.signed)))
    if layout.samples > 1:
        image.SetPlanarConfiguration(0)
    element = gdcm.DataElement(gdcm.Tag(*_PIXEL_DATA))
    element.SetByteStringValue(words.astype(words.dtype.newbyteorder("<"), copy=False).tobytes())
    image.SetDataElement(element)
    change = gdcm.ImageChangeTransferSyntax()
    change.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.GetTSType(layout.transfer_syntax)))
    change.SetInput(image)
    if not change.Change():
        return None
    fragments = change.GetOutput().GetDataElement().GetSequenceOfFragments()
    parts = [fragments.GetFragment(i).GetByteValue().GetBuffer() for i in range(fragments.GetNumberOfFragments())]
    return b"".join(part.encode("utf-8", "surrogateescape") for part in parts)
