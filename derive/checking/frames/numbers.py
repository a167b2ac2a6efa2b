"""Which frames are referred to, and whether the instances that are referred to have them (PS3.3 10.3)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from derive.checking.finding import Finding, finding
from derive.elements.instance import Instance
from derive.told.secrecy import shown_uid
from derive.told.wording import counted

_NUMBER = "ReferencedFrameNumber"
#: Sequences at the top of an instance whose items refer to frames.
AT_THE_TOP = ("SourceImageSequence", "ReferencedImageSequence", "ConversionSourceAttributesSequence")


class _Reference(NamedTuple):
    """What one file says of frames of one instance: where, and of which."""

    name: str
    path: str
    uid: str


class FrameNumbers:
    """Holds references to frames against the instances that were met, of whichever series and in whichever order.

    Of a file that refers to an instance the least and the largest number of a frame is kept, and nothing else.
    """

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._referred: dict[_Reference, tuple[float, float]] = {}

    def met(self, instance: Instance) -> None:
        """Take an instance: how many frames it has, and what it refers to at its top."""
        if uid := instance.text("SOPInstanceUID"):
            self._counts[uid] = int(instance.number("NumberOfFrames") or 1)
        for keyword in AT_THE_TOP:
            self.referring(instance.name, keyword, instance.items(keyword))

    def referring(self, name: str, path: str, items: Iterable[Instance]) -> None:
        """Take items of the sequence at `path` in the file `name`."""
        for item in items:
            numbers = item.numbers(_NUMBER)
            if not numbers:
                continue
            key = _Reference(name, f"{path}>{_NUMBER}", item.text("ReferencedSOPInstanceUID"))
            least, largest = self._referred.get(key, (numbers[0], numbers[0]))
            self._referred[key] = min(least, *numbers), max(largest, *numbers)

    def findings(self) -> Iterator[Finding]:
        """Judge every reference; of an instance that was not met only whether numbers count from 1."""
        for (name, path, uid), (least, largest) in self._referred.items():
            count = self._counts.get(uid)
            if least < 1:
                yield finding("CHK-REFERENCE-RANGE", path, f"is {least:g}; frames count from 1", name)
            elif count is not None and largest > count:
                message = f"is {largest:g}, and {shown_uid(uid)} has {counted(count, 'frame')}"
                yield finding("CHK-REFERENCE-RANGE", path, message, name)
