"""Pixels as others decode them: dcmtk's tools, and pylibjpeg for JPEG 2000, which dcmtk does not have.

Nothing of this package is asked, and not GDCM, by which it decodes what is compressed. Bits, planes, palettes and
colours are put together here by the text of the standard (PS3.3 C.7.6.3, C.7.9).
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.pixels import apply_modality_lut
from pydicom.pixels.decoders.base import get_decoder

_JPEG = ("1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51", "1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.70")
_JPEG_LS = ("1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81")
_TOOLS = {
    **dict.fromkeys(_JPEG, ("dcmdjpeg",)),
    **dict.fromkeys(_JPEG_LS, ("dcmdjpls",)),
    "1.2.840.10008.1.2.5": ("dcmdrle",),
}
_NATIVE = ("dcmconv", "+te")
_WAVELETS = tuple(f"1.2.840.10008.1.2.4.{n}" for n in (90, 91, 201, 202, 203))
#: Where a modality LUT leads back to the intensity of the beam, and not to what is shown (C.8.7.1.1.2).
_BEAM = ("XA", "RF")
#: R, G and B of Y, CB and CR (C.7.6.3.1.2).
_FROM_YBR = np.array([[1, 0, 1.402], [1, -0.114 * 1.772 / 0.587, -0.299 * 1.402 / 0.587], [1, 1.772, 0]])


def decoded(path: Path, folder: Path) -> np.ndarray:
    """(frames, rows, columns): real-world values of grey; (..., 3): R, G and B of 8 bits of colour."""
    dataset, samples = _samples(path, folder)
    photometric = dataset.PhotometricInterpretation
    if photometric == "PALETTE COLOR":
        return _through_palette(dataset, samples[..., 0])
    if samples.shape[-1] == 1:
        return _real_world(dataset, samples[..., 0])
    if photometric.startswith("YBR_FULL"):
        shifted = samples.astype(float) - [0, 128, 128]
        samples = np.clip(np.rint(shifted @ _FROM_YBR.T), 0, 255)
    return samples


def _samples(path: Path, folder: Path) -> tuple[Dataset, np.ndarray]:
    """Give the header of what is not compressed, and (frames, rows, columns, samples) stored values."""
    source = pydicom.dcmread(path, force=True)
    syntax = str(source.file_meta.get("TransferSyntaxUID", ""))
    if syntax in _WAVELETS:
        array, told = get_decoder(syntax).as_array(source, raw=True, decoding_plugin="pylibjpeg")
        source.PhotometricInterpretation = told["photometric_interpretation"]
        shape = (int(source.get("NumberOfFrames", 1) or 1), source.Rows, source.Columns, source.SamplesPerPixel)
        return source, array.reshape(shape)
    plain = uncompressed(path, folder)
    if plain is None:  # a header that dcmtk cannot read
        array, told = get_decoder(syntax).as_array(source, raw=True, decoding_plugin="pillow")
        source.PhotometricInterpretation = told["photometric_interpretation"]
        return source, array.reshape(1, source.Rows, source.Columns, source.SamplesPerPixel)
    dataset = pydicom.dcmread(plain, force=True)
    return dataset, _of_bytes(dataset)


def uncompressed(path: Path, folder: Path) -> Path | None:
    """The same image without compression, by dcmtk; None where it cannot read it."""
    source, plain = pydicom.dcmread(path, force=True, stop_before_pixels=True), folder / f"{path.stem}.plain"
    tool, *options = _TOOLS.get(str(source.file_meta.get("TransferSyntaxUID", "")), _NATIVE)
    if shutil.which(tool) is None:
        pytest.skip(f"{tool} is not installed; it comes with Debian's dcmtk")
    done = subprocess.run([tool, "-q", *options, str(path), str(plain)], check=False, capture_output=True)
    return plain if done.returncode == 0 else None


def _of_bytes(dataset: Dataset) -> np.ndarray:
    """Put the bytes of native Pixel Data together: little endian, as dcmtk wrote them."""
    frames, samples = int(dataset.get("NumberOfFrames", 1) or 1), dataset.SamplesPerPixel
    rows, columns, bits = dataset.Rows, dataset.Columns, dataset.BitsAllocated
    count = frames * rows * columns * samples
    if bits == 1:
        words = np.unpackbits(np.frombuffer(dataset.PixelData, "u1"), bitorder="little")[:count]
        return words.reshape(frames, rows, columns, 1)
    if dataset.PhotometricInterpretation == "YBR_FULL_422":
        return _spread(np.frombuffer(dataset.PixelData, "u1")[: count * 2 // 3], frames, rows, columns)
    words = np.frombuffer(dataset.PixelData, f"<u{bits // 8}")[:count]
    words = _within_bits(words, dataset)
    if samples > 1 and dataset.get("PlanarConfiguration"):
        return words.reshape(frames, samples, rows, columns).transpose(0, 2, 3, 1)
    return words.reshape(frames, rows, columns, samples)


def _within_bits(words: np.ndarray, dataset: Dataset) -> np.ndarray:
    """Take the bits that are stored, with their sign (PS3.5 8.1.1)."""
    stored = dataset.BitsStored
    values = (words.astype(np.int64) >> (dataset.HighBit + 1 - stored)) & ((1 << stored) - 1)
    return values - ((values >> (stored - 1)) << stored) if dataset.PixelRepresentation else values


def _spread(words: np.ndarray, frames: int, rows: int, columns: int) -> np.ndarray:
    """Give two pixels that share CB and CR each their own (C.7.6.3.1.2, YBR_FULL_422)."""
    pairs = words.reshape(frames, rows, columns // 2, 4)
    left, right = pairs[..., [0, 2, 3]], pairs[..., [1, 2, 3]]
    return np.stack([left, right], axis=3).reshape(frames, rows, columns, 3)


def _through_palette(dataset: Dataset, stored: np.ndarray) -> np.ndarray:
    """Look colours up, and take the upper 8 bits of entries of 16 (C.7.6.3.1.5, C.7.6.3.1.6)."""
    planes = []
    for colour in ("Red", "Green", "Blue"):
        count, first, bits = (int(v) for v in dataset[f"{colour}PaletteColorLookupTableDescriptor"].value)
        segments = dataset.get(f"Segmented{colour}PaletteColorLookupTableData")
        data = _expanded(segments) if segments else dataset[f"{colour}PaletteColorLookupTableData"].value
        count = count or 1 << 16
        narrow = len(data) < 2 * count
        table = np.frombuffer(data, "u1" if narrow else "<u2")[:count]
        index = np.clip(stored.astype(np.int64) - first, 0, count - 1)
        planes.append(table[index] >> (8 if bits == 16 and not narrow else 0))
    return np.stack(planes, axis=-1)


def _expanded(segments: bytes) -> bytes:
    """Expand discrete and linear segments of 16 bits (C.7.9.2)."""
    words, found, at = np.frombuffer(segments, "<u2").tolist(), [], 0
    while at < len(words):
        kind, count = words[at : at + 2]
        if kind == 0:
            found += words[at + 2 : at + 2 + count]
            at += 2 + count
        else:
            assert kind == 1, "an indirect segment"
            step = (words[at + 2] - found[-1]) / count
            found += [round(found[-1] + step * k) for k in range(1, count + 1)]
            at += 3
    return np.array(found, "<u2").tobytes()


def _through_table(dataset: Dataset, stored: np.ndarray) -> np.ndarray:
    """Look values up in the table of the Modality LUT (C.11.1.1)."""
    (item,) = dataset.ModalityLUTSequence
    count, first, _ = (int(v) for v in item.LUTDescriptor)
    data = item.LUTData
    if isinstance(data, bytes):
        data = np.frombuffer(data, "u1" if len(data) < 2 * (count or 1 << 16) else "<u2")
    return np.asarray(data)[np.clip(stored.astype(np.int64) - first, 0, (count or 1 << 16) - 1)].astype(float)


def _real_world(dataset: Dataset, stored: np.ndarray) -> np.ndarray:
    """What stored values mean: by rescale, of each frame where there are several; else by a mapping."""
    if dataset.get("ModalityLUTSequence") and dataset.Modality not in _BEAM:
        return _through_table(dataset, stored)
    groups = dataset.get("PerFrameFunctionalGroupsSequence") or [dataset] * len(stored)
    shared = (dataset.get("SharedFunctionalGroupsSequence") or [Dataset()])[0]
    return np.stack([_of_frame(dataset, shared, own, each) for own, each in zip(groups, stored, strict=True)])


def _of_frame(dataset: Dataset, shared: Dataset, own: Dataset, stored: np.ndarray) -> np.ndarray:
    if "ModalityLUTSequence" in dataset:
        return apply_modality_lut(stored, dataset)
    for group in (own, shared):
        for item in group.get("PixelValueTransformationSequence", ()):
            return stored * float(item.RescaleSlope) + float(item.RescaleIntercept)
    if "RescaleSlope" in dataset and dataset.get("Modality") not in _BEAM:
        return stored * float(dataset.RescaleSlope) + float(dataset.RescaleIntercept)
    for group in (own, shared, dataset):
        for item in group.get("RealWorldValueMappingSequence", ()):
            if "RealWorldValueSlope" in item:
                return stored * float(item.RealWorldValueSlope) + float(item.RealWorldValueIntercept)
    return stored.astype(float)
