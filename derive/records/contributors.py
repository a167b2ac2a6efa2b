"""Which frames of a source an image was made of, by what it refers to: instances, or frames of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from derive.model.reference import FrameRef
from derive.model.source_frame import SourceFrame
from derive.reading.header import Header
from derive.records.frames import images_of
from derive.records.record import Record, record_of

#: By SOP Instance UID the frames that an instance gave, by their number in it.
Places = Mapping[str, Mapping[int, FrameRef]]


def frames_of_instances(frames: Sequence[SourceFrame]) -> Places:
    """Return where the frames of each instance of a principal source are among its frames."""
    found: dict[str, dict[int, FrameRef]] = {}
    for index, frame in enumerate(frames):
        found.setdefault(frame.reference.sop_instance_uid, {})[frame.number] = FrameRef(0, index)
    return found


def description_of(instance: Header) -> str:
    """Return the Derivation Description of an instance, of a multi-frame one that of its first frame."""
    return record_of(images_of([instance.lenient])[0]).description


def contributors_of(record: Record, places: Places) -> tuple[FrameRef, ...]:
    """Return the frames that an image says it was made of, as far as the source has them.

    An instance of which no frame is named contributed with all of them (PS3.3 10.3).
    """
    found: set[FrameRef] = set()
    for image in record.own_sources:
        frames = places.get(image.sop_instance_uid, {})
        found.update(frames[n] for n in image.frames or frames if n in frames)
    return tuple(sorted(found))
