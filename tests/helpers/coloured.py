"""Small synthetic pictures in colours: ultrasound and photographs, of one frame or many, however colours are stored."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.pixels.processing import convert_color_space
from pydicom.sequence import Sequence
from pydicom.uid import (
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLSLossless,
    RLELossless,
    UltrasoundMultiFrameImageStorage,
)

from tests.helpers.cines import TIME
from tests.helpers.projections import make_projection
from tests.helpers.sources import ROOT

#: Ways in which colours are stored here, the first without any loss.
EXACT = ("RGB", "RGB by plane", "PALETTE COLOR", "RLE", "JPEG-LS", "JPEG 2000")
LOSSY = ("YBR_FULL", "YBR_FULL_422", "JPEG")
_SYNTAX = {"RLE": RLELossless, "JPEG-LS": JPEGLSLossless, "JPEG 2000": JPEG2000Lossless}


def picture_of(frames=1, shape=(12, 14), seed=0, smooth=False):
    """(frames, rows, columns, 3) uint8: of few colours, so that a palette has them all; alike for neighbours, if so."""
    rng = np.random.default_rng(seed)
    colours = rng.integers(0, 256, (40, 3)).astype(np.uint8)
    found = colours[rng.integers(0, 40, (frames, *shape))]
    if smooth:
        rows, columns = np.indices(shape)
        found = np.stack([rows * 2 + columns + 40, columns * 4 + 30, 200 - rows * 2], -1).astype(np.uint8)[None]
        found = np.repeat(found, frames, axis=0) + np.arange(frames, dtype=np.uint8)[:, None, None, None]
    return found


def make_coloured(kind="US", picture=None, stored_as="RGB", number=1, **changes):
    """One instance of a picture, or of several; `changes` are attributes, None takes one out."""
    picture = picture_of() if picture is None else picture
    dataset = make_projection(kind, np.zeros(picture.shape[1:3], np.uint8), number)
    if len(picture) > 1:
        dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = UltrasoundMultiFrameImageStorage
        dataset.NumberOfFrames, dataset.FrameIncrementPointer, dataset.FrameTime = len(picture), TIME, 40
        dataset.CineRate, dataset.RecommendedDisplayFrameRate = 25, 25
    dataset.SamplesPerPixel, dataset.PlanarConfiguration, dataset.PhotometricInterpretation = 3, 0, "RGB"
    dataset.UltrasoundColorDataPresent = 1 if kind == "US" else None
    for keyword in ("PixelSpacing", "SequenceOfUltrasoundRegions"):  # which a test says itself
        if keyword in dataset:
            del dataset[keyword]
    _store(dataset, picture, stored_as)
    for keyword, value in changes.items():
        if value is None:
            if keyword in dataset:
                del dataset[keyword]
        else:
            setattr(dataset, keyword, value)
    if kind != "US":
        del dataset.UltrasoundColorDataPresent
    return dataset


def _store(dataset, picture, stored_as):
    native = picture.tobytes()
    if stored_as == "RGB by plane":
        dataset.PlanarConfiguration, native = 1, picture.transpose(0, 3, 1, 2).tobytes()
    elif stored_as == "PALETTE COLOR":
        native = _with_palette(dataset, picture)
    elif stored_as in ("YBR_FULL", "YBR_FULL_422"):
        dataset.PhotometricInterpretation = stored_as
        ybr = convert_color_space(picture, "RGB", "YBR_FULL")
        native = ybr.tobytes()
        if stored_as == "YBR_FULL_422":
            pairs = ybr.reshape(len(ybr), -1, 2, 3)
            native = np.concatenate([pairs[..., 0], pairs[:, :, 0, 1:]], axis=-1).tobytes()
    dataset.add_new("PixelData", "OB", native + b"\0" * (len(native) % 2))
    if stored_as in _SYNTAX:
        dataset.compress(_SYNTAX[stored_as], generate_instance_uid=False)
        if stored_as == "JPEG 2000":
            assert dataset.PhotometricInterpretation in ("RGB", "YBR_RCT")
    elif stored_as == "JPEG":
        dataset.PixelData = encapsulate([_jpeg(frame) for frame in picture])
        dataset["PixelData"].is_undefined_length = True
        dataset.PhotometricInterpretation = "YBR_FULL_422"
        dataset.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
        dataset.LossyImageCompression, dataset.LossyImageCompressionRatio = "01", 5
        dataset.LossyImageCompressionMethod = "ISO_10918_1"


def _jpeg(frame):
    written = BytesIO()
    Image.fromarray(frame).save(written, "JPEG", quality=95)
    return written.getvalue()


def _with_palette(dataset, picture):
    colours, indices = np.unique(picture.reshape(-1, 3), axis=0, return_inverse=True)
    del dataset.PlanarConfiguration
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "PALETTE COLOR"
    for name, column in zip(("Red", "Green", "Blue"), colours.T, strict=True):
        setattr(dataset, f"{name}PaletteColorLookupTableDescriptor", [len(colours), 0, 16])
        setattr(dataset, f"{name}PaletteColorLookupTableData", (column.astype("<u2") * 257).tobytes())
    return indices.astype(np.uint8).tobytes()


def region(first=(0, 0), last=(13, 11), reference=(3, -2), delta=(0.05, 0.05), **said):
    """An ultrasound region: corners, the reference pixel from the first of them, and the step in cm; all x y."""
    item = Dataset()
    item.RegionSpatialFormat, item.RegionDataType, item.RegionFlags = 1, 1, 2
    item.RegionLocationMinX0, item.RegionLocationMinY0 = first
    item.RegionLocationMaxX1, item.RegionLocationMaxY1 = last
    item.ReferencePixelX0, item.ReferencePixelY0 = reference
    item.PhysicalUnitsXDirection = item.PhysicalUnitsYDirection = 3
    item.ReferencePixelPhysicalValueX, item.ReferencePixelPhysicalValueY = 1.0, 0.5
    item.PhysicalDeltaX, item.PhysicalDeltaY = delta
    for keyword, value in said.items():
        setattr(item, keyword, value)
    return item


def regions(*items):
    """What an image says of its regions."""
    return {"SequenceOfUltrasoundRegions": Sequence(items)}


def series_of(count, **changes):
    """Several pictures of one series."""
    pictures = [picture_of(seed=number) for number in range(1, count + 1)]
    return [make_coloured(picture=p, number=n, **changes) for n, p in enumerate(pictures, 1)]


__all__ = ["EXACT", "LOSSY", "ROOT", "make_coloured", "picture_of", "region", "regions", "series_of"]
