"""The bridge to pydicom: elements to a Dataset, and a Dataset to elements."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import cast

from pydicom.charset import convert_encodings, default_encoding
from pydicom.datadict import dictionary_VR, keyword_for_tag
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.filewriter import correct_ambiguous_vr_element
from pydicom.tag import BaseTag

from derive.elements.charset import source_encodings
from derive.elements.element import GROUPS_OF_FRAMES, Element, is_creator, is_private, is_standard
from derive.elements.encoding import pack_item, raw, value_bytes
from derive.elements.parse import sequence_of
from derive.elements.private import SAFE_GROUPS, StoredPrivate, may_be_tiled, tells_of_tiles
from derive.elements.private_read import READ_GROUPS
from derive.elements.spans import TooDeep
from derive.limits import MOST_LEVELS
from derive.standard.vr import TEXT_VRS

_IMAGE_TYPE = 0x00080008


def to_dataset(elements: Iterable[Element]) -> Dataset:
    """Return a plain Dataset that decodes each value when it is asked for, and is written byte for byte."""
    dataset = Dataset({BaseTag(e.tag): raw(e) for e in sorted(elements)})
    # pydicom writes undecoded bytes only where it is told that the character set is that of the reading.
    charset = dataset.get("SpecificCharacterSet")
    dataset.set_original_encoding(False, True, convert_encodings(charset) if charset else default_encoding)
    return dataset


def from_dataset(
    dataset: Dataset, *, whole: bool = True, level: int = 0, private: bool = False, around: Sequence[str] = ()
) -> dict[int, Element]:
    """Encode what a data set holds; overlays, curves and bulk pixel data are left out.

    Private attributes are too, unless they are asked for, and but for those in functional groups of frames.

    Text keeps its bytes. Other values are decoded by the rules of the source's transfer syntax. What cannot be
    encoded is left out too, unless the data set is wanted `whole`. It stands in `level` sequences itself, in which the
    character sets `around` are in force where it names none.

    Raises
    ------
    TooDeep
    """
    if level > MOST_LEVELS:
        raise TooDeep
    elements: dict[int, Element] = {}
    for tag in dataset.keys():  # noqa: SIM118 - iterating a Dataset decodes every element
        try:
            wanted = is_standard(int(tag)) or (private and is_private(int(tag)))
            element = _from_element(dataset, tag, (level, private), around) if wanted else None
        except (TooDeep, RecursionError):
            raise TooDeep from None
        except Exception:  # pydicom raises whatever a malformed value causes
            if whole:
                raise
            continue
        if element is not None:
            elements[int(tag)] = element
    return elements


def private_of(dataset: Dataset) -> list[StoredPrivate]:
    """Return what a data set holds of the groups whose private attributes are read; what cannot be is left out."""
    found: list[StoredPrivate] = []
    for tag in sorted(t for t in dataset.keys() if t.group in SAFE_GROUPS | READ_GROUPS):  # noqa: SIM118 - iterating decodes
        stored = dataset.get_item(tag)
        vr, value = stored.VR or "UN", stored.value
        if isinstance(stored, RawDataElement):
            if stored.is_little_endian or vr in TEXT_VRS:
                found.append(StoredPrivate(int(tag), vr, value or b""))
        elif len(vr) == 2 and vr != "SQ":
            try:
                found.append(StoredPrivate(int(tag), vr, value_bytes(stored, source_encodings(dataset))))
            except Exception:  # pydicom raises whatever a malformed value causes
                continue
    return found


def tiling_of(dataset: Dataset, elements: dict[int, Element], tags: frozenset[int]) -> tuple[Element, ...]:
    """Return the private attributes that may say where slices lie, of an image that may hold many side by side."""
    if not may_be_tiled(elements.get(_IMAGE_TYPE), tags):
        return ()
    private = Dataset({t: dataset.get_item(t) for t in dataset.keys() if tells_of_tiles(int(t))})  # noqa: SIM118
    return tuple(from_dataset(private, whole=False, private=True).values())


def _from_element(dataset: Dataset, tag: BaseTag, place: tuple[int, bool], around: Sequence[str]) -> Element | None:
    stored = dataset.get_item(tag)
    vr, level = stored.VR, place[0]
    private = place[1] or int(tag) in GROUPS_OF_FRAMES
    if isinstance(stored, RawDataElement):
        if vr is None or vr == "UN":
            vr = dictionary_VR(tag) if keyword_for_tag(tag) else "UN"
        if vr in TEXT_VRS:
            value = stored.value or b""
            return Element(int(tag), vr, value + b" " * (len(value) % 2))
        if vr == "UN" and private and is_creator(int(tag)):
            vr = "LO"
        if vr == "UN" and private and (items := sequence_of(stored.value or b"", level, private)) is not None:
            return Element(int(tag), "SQ", items)
        if len(vr) == 2 and vr != "SQ" and stored.is_little_endian:
            return Element(int(tag), vr, stored.value or b"")
    element: DataElement = dataset[tag]
    if element.VR == "SQ":
        within = _encodings(dataset, around)
        each = (from_dataset(i, level=level + 1, private=private, around=within) for i in element.value or ())
        return Element(int(tag), "SQ", b"".join(pack_item(item.values()) for item in each))
    element = cast(DataElement, correct_ambiguous_vr_element(element, dataset, True))
    if len(element.VR) != 2:
        return None
    return Element(int(tag), element.VR, value_bytes(element, _encodings(dataset, around)))


def _encodings(dataset: Dataset, around: Sequence[str]) -> Sequence[str]:
    """Return the character sets in force: its own, else those of what holds it (PS3.3 C.12.1.1.2)."""
    return around if around and "SpecificCharacterSet" not in dataset else source_encodings(dataset)
