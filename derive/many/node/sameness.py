"""Whether two encodings of an instance mean the same: a scanner and a router may send it in two transfer syntaxes."""

from __future__ import annotations

import io
from typing import Any

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag

from derive.pacs.verify import pixel_digest

_PIXELS = (0x7FE00010, 0x7FE00001, 0x7FE00002)


def mean_the_same(one: bytes, other: bytes) -> bool:
    """Compare two Part 10 files: pixels as they are decoded, all else as it is encoded.

    What cannot be told to be the same is not: private sequences of Implicit VR, of which nobody knows what they are.

    Parameters
    ----------
    one, other : bytes
    """
    try:
        heads = [dcmread(io.BytesIO(data)) for data in (one, other)]
        return _equal(*heads) and pixel_digest(one) == pixel_digest(other)
    except Exception:  # whatever pydicom and its decoders say of what came from elsewhere
        return False


def _equal(one: Dataset, other: Dataset) -> bool:
    tags = _tags(one)
    return tags == _tags(other) and all(_same(one, other, tag) for tag in tags)


def _tags(dataset: Dataset) -> list[BaseTag]:
    """Return what is compared: group lengths follow from the encoding."""
    return [tag for tag in sorted(dataset.keys()) if tag not in _PIXELS and tag.element != 0]


def _same(one: Dataset, other: Dataset, tag: BaseTag) -> bool:
    raw: list[Any] = [dataset.get_item(tag).value for dataset in (one, other)]
    if isinstance(raw[0], bytes) and raw[0] == raw[1]:
        return True
    values = [dataset[tag] for dataset in (one, other)]
    if all(value.VR == "SQ" for value in values):
        items = [list(value.value) for value in values]
        return len(items[0]) == len(items[1]) and all(map(_equal, *items))
    return bool(values[0].value == values[1].value)
