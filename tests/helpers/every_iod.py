"""Objects of many IODs that hold every attribute which their modules define, whatever it is."""

from __future__ import annotations

from collections.abc import Iterator

from pydicom import Dataset
from pydicom.datadict import dictionary_has_tag, dictionary_VR
from pydicom.dataelem import DataElement
from pydicom.sequence import Sequence
from pydicom.tag import Tag

from derive import standard
from derive.standard import _types
from tests.helpers.whole_table import value_of

#: What is not made: pixels, samples and documents, which are no matter of a table; overlays and curves, which go whole.
_LEFT_OUT_GROUPS = frozenset({0x7FE0, 0x5400, 0x5000, 0x6000, 0x0004})
_LEFT_OUT = frozenset(
    {
        0x00420011,  # Encapsulated Document
        0x00080005,
        0x00080016,
        0x00080018,
        # What other objects did: it holds anything.
        0x04000561,
        0xFFFAFFFA,
        0x4FFE0001,
    }
)
#: dciodvfy aborts at numbers of eight bytes.
_LONG = frozenset({"SV", "UV", "OV"})
_DEEPEST = 3
#: By what :func:`derive.standard.sop_class_named` finds.
NAMES = """
CR DX MG CT MR PET NM US XA SC OP SM SEG PM RWV REG PR SR KO PDF RTDOSE RTSTRUCT RTPLAN ECG
enhanced-ct-image enhanced-mr-image
""".split()  # noqa: SIM905 - a list of words is read, and one of literals is not
SOP_CLASSES = {name: standard.sop_class_named(name) or "" for name in NAMES}


def whole(sop_class_uid: str, deepest: int = _DEEPEST) -> Dataset:
    """Return an object with every attribute of every module, and of the items of its sequences."""
    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.SOPClassUID, dataset.SOPInstanceUID = sop_class_uid, "1.2.826.0.1.77.4711"
    numbers = iter(range(1, 10**6))
    for module, _ in _types._modules(sop_class_uid):
        _fill(dataset, module, deepest, numbers)
    return dataset


def _fill(dataset: Dataset, items: str, deepest: int, numbers: Iterator[int]) -> None:
    for tag, entry in _types._entries(items).items():
        if tag >> 16 in _LEFT_OUT_GROUPS or tag in _LEFT_OUT or not dictionary_has_tag(tag):
            continue
        vr = dictionary_VR(tag).partition(" ")[0]
        if vr in _LONG:
            continue
        if vr == "SQ":
            held = dataset[Tag(tag)].value[0] if Tag(tag) in dataset else Dataset()
            if entry.items and deepest:
                _fill(held, entry.items, deepest - 1, numbers)
            if not len(held):
                held.CodeMeaning = f"KEPT{next(numbers):05d} within"
            dataset[Tag(tag)] = DataElement(Tag(tag), "SQ", Sequence([held]))
        elif Tag(tag) not in dataset:
            dataset[Tag(tag)] = DataElement(Tag(tag), vr, value_of(vr, next(numbers)))


def places(dataset: Dataset, above: tuple[int, ...] = ()) -> Iterator[tuple[tuple[int, ...], DataElement]]:
    """Give every element of an object with the tags of its path."""
    for element in dataset:
        path = (*above, int(element.tag))
        yield path, element
        if element.VR == "SQ":
            for item in element.value:
                yield from places(item, path)
