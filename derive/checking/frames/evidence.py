"""What frames refer to, and what the instance lists as evidence: each has to have the other (PS3.3 C.8.13.2)."""

from __future__ import annotations

from collections.abc import Iterator

from derive.checking.finding import Finding
from derive.checking.frames.groups import Grouped
from derive.checking.frames.numbers import FrameNumbers
from derive.checking.instance import Item
from derive.elements.element import Element, tag_of
from derive.elements.instance import Instance
from derive.told.secrecy import shown_uid
from derive.told.wording import counted

#: Sequence of evidence, and the macros with the sequence in them whose items refer to images.
_EVIDENCE = (
    ("SourceImageEvidenceSequence", "DerivationImageSequence", "SourceImageSequence"),
    ("ReferencedImageEvidenceSequence", "ReferencedImageSequence", ""),
)


class ReferencedImages:
    """Collects what the functional groups of an instance refer to.

    Parameters
    ----------
    groups : Grouped
    numbers : FrameNumbers, optional
        Takes the numbers of frames, where instances are at hand that have them.
    """

    def __init__(self, groups: Grouped, numbers: FrameNumbers | None = None) -> None:
        self._groups, self._numbers = groups, numbers
        self._found: dict[str, set[str]] = {evidence: set() for evidence, _, _ in _EVIDENCE}
        self._read: set[Element] = set()

    def add(self, item: Item) -> None:
        """Take what is shared, or one frame."""
        for evidence, macro, inner in _EVIDENCE:
            element = item.get(tag_of(macro))
            if element is None or element in self._read:
                continue
            self._read.add(element)
            holder = Instance("", {element.tag: element}, strict=False, around=self._groups.instance.encodings)
            items = holder.items(macro)
            referring = [i for each in items for i in each.items(inner)] if inner else items
            self._found[evidence] |= {i.text("ReferencedSOPInstanceUID") for i in referring} - {""}
            if self._numbers is not None:
                path = f"{macro}>{inner}" if inner else macro
                self._numbers.referring(self._groups.instance.name, path, referring)

    def findings(self) -> Iterator[Finding]:
        """Judge both ways."""
        for evidence, macro, _ in _EVIDENCE:
            if evidence in self._groups.instance.iod.attributes:
                yield from self._compared(evidence, macro)

    def _compared(self, evidence: str, macro: str) -> Iterator[Finding]:
        listed = {
            reference.text("ReferencedSOPInstanceUID")
            for study in self._groups.instance.items(evidence)
            for series in study.items("ReferencedSeriesSequence")
            for reference in series.items("ReferencedSOPSequence")
        } - {""}
        referenced = self._found[evidence]
        missing, unused = sorted(referenced - listed), sorted(listed - referenced)
        if missing:
            images = counted(len(referenced), "image")
            message = f"lacks {len(missing)} of {images} that {macro} refers to, the first {shown_uid(missing[0])}"
            yield self._groups.find("CHK-EVIDENCE", evidence, message)
        if unused:
            message = f"names {shown_uid(unused[0])}, to which no {macro} refers"
            code = "CHK-EVIDENCE-UNUSED" if referenced else "CHK-EVIDENCE"
            yield self._groups.find(code, evidence, message)
