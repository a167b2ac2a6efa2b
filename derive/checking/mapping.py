"""What a Real World Value Mapping says of the stored values (PS3.3 C.7.6.16.2.11)."""

from __future__ import annotations

from collections.abc import Iterator

from derive.checking.finding import Finding
from derive.checking.instance import Judged
from derive.checking.judge import reads, reads_anything
from derive.checking.pixels import stored_ends
from derive.elements.instance import Instance

_SEQUENCE = "RealWorldValueMappingSequence"
_FIRST = ("RealWorldValueFirstValueMapped", "DoubleFloatRealWorldValueFirstValueMapped")
_LAST = ("RealWorldValueLastValueMapped", "DoubleFloatRealWorldValueLastValueMapped")


@reads(_SEQUENCE)
def _ends(instance: Judged) -> Iterator[Finding]:
    for number, item in enumerate(instance.items(_SEQUENCE), 1):
        first, last = _ends_of(item)
        path = f"{_SEQUENCE}>item {number}"
        if first is not None and last is not None and first > last:
            message = f"is {first:g}, above Real World Value Last Value Mapped, {last:g}"
            yield instance.find("CHK-MAPPING-ENDS", f"{path}>{_FIRST[0]}", message)
        if item.number("RealWorldValueSlope") == 0:
            yield instance.find("CHK-MAPPING-ENDS", f"{path}>RealWorldValueSlope", "is 0; all values would be one")


@reads_anything
def _range(instance: Judged) -> Iterator[Finding]:
    """Mappings together reach over all stored values: what lies beside them means nothing."""
    items = instance.items(_SEQUENCE)
    ends = [(first, last) for first, last in map(_ends_of, items) if first is not None and last is not None]
    found = stored_ends(instance) if ends else None
    if found is None:
        return
    low, high = found.telling
    first, last = min(f for f, _ in ends), max(e for _, e in ends)
    if first <= last and (low < first or high > last):
        message = f"reaches from {first:g} to {last:g}; the stored values from {low} to {high}"
        yield instance.find("CHK-MAPPING-RANGE", _SEQUENCE, message)


def _ends_of(item: Instance) -> tuple[float | None, float | None]:
    """First and last stored value; None where they are not said."""
    found = [[v for k in keywords if (v := item.number(k)) is not None] for keywords in (_FIRST, _LAST)]
    first, last = (f[0] if f else None for f in found)
    return first, last


#: Of Real World Value Mapping.
JUDGES = (_ends, _range)
#: What is judged of frames; the range of a mapping against the stored values of its own frame only.
OF_FRAMES, OF_PIXELS_OF_FRAMES = (_ends,), (_range,)
