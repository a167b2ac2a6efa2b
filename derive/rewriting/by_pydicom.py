"""What is left to pydicom: data sets in memory, Big Endian, and what is not encoded as a data set has to be."""

from __future__ import annotations

import warnings
from copy import copy

import numpy as np
from pydicom.config import disable_value_validation
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset

from derive.elements.spans import PIXEL_DATA

#: Bytes of the words that other byte strings are made of (PS3.5 6.2).
_WORDS = {"OW": 2, "OF": 4, "OL": 4, "OD": 8, "OV": 8}


def encoded_by_pydicom(dataset: Dataset, *, encapsulated: bool = False) -> bytes:
    """Encode a data set as Explicit VR Little Endian; its Pixel Data, which may be encapsulated, as it is.

    Whoever puts frames into a data set in memory need not say that their length is undefined; pydicom says it when it
    writes a file, and not before.
    """
    buffer = DicomBytesIO()
    buffer.is_implicit_VR, buffer.is_little_endian = False, True
    with warnings.catch_warnings(action="ignore"), disable_value_validation():
        plain = Dataset({tag: dataset.get_item(tag) for tag in dataset.keys() if tag.group > 2})  # noqa: SIM118
        for own in ("_read_implicit", "_read_little", "_read_charset"):
            setattr(plain, own, getattr(dataset, own, None))
        _decoded(plain)
        if encapsulated and PIXEL_DATA in plain:
            pixels = copy(plain[PIXEL_DATA])
            pixels.is_undefined_length = True
            plain[PIXEL_DATA] = pixels
        write_dataset(buffer, plain)
    return buffer.getvalue()


def _decoded(dataset: Dataset) -> None:
    """Decode elements at every depth: what pydicom has not decoded it writes as it lay, whatever the encoding is."""
    for element in dataset:
        if element.VR == "SQ":
            for item in element.value or ():
                _decoded(item)


def swap(dataset: Dataset) -> None:
    """Exchange the bytes of words, which pydicom leaves as they are (PS3.5 7.3)."""
    for element in dataset:
        if element.VR == "SQ":
            for item in element.value or ():
                swap(item)
        elif element.VR in _WORDS and isinstance(element.value, bytes):
            width = _WORDS[element.VR]
            if element.tag == PIXEL_DATA:
                width = max(width, int(dataset.get("BitsAllocated") or 0) // 8)
            element.value = np.frombuffer(element.value, f"V{width}").view(f">u{width}").astype(f"<u{width}").tobytes()
