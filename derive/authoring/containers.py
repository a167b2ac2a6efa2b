"""Frames to instances: each frame an instance, or all of them pages of one (Multi-frame Secondary Capture, PS3.3 A.8).

The only place where frames become instances and get their Instance Number.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from derive import parallel
from derive.authoring.order import Authoring, Frame
from derive.model.classes import Container
from derive.model.frames import Frames
from derive.model.reference import FrameRef
from derive.model.volume import slabs
from derive.pixels.encode import EncodedFrame, Encoding, as_they_are, encode


def contributors_by_instance(frames: Frames, container: Container) -> list[tuple[FrameRef, ...]]:
    """Say which frames of the sources enter each instance, in order."""
    each = [frames.contributors(index) for index in range(frames.count)]
    return each if container == "single" else [_together(each)]


def instance_count(frames: Frames, container: Container) -> int:
    """Say how many instances there will be."""
    return frames.count if container == "single" else 1


def instances(authoring: Authoring, encoding: Encoding | None) -> Iterator[Frame]:
    """Compute, encode and number what each instance holds, along the normal, a slab at a time."""
    return _single(authoring, encoding) if authoring.target.container == "single" else _pages(authoring)


def encoded_frames(authoring: Authoring, encoding: Encoding | None) -> Iterator[EncodedFrame]:
    """Compute and encode the frames, a slab at a time; the frames of a slab side by side."""
    quantise = as_they_are if authoring.order.stored_as_they_are else partial(encode, encoding=encoding)
    for _, slab in slabs(authoring.frames):
        yield from parallel.each(quantise, list(slab))


def _single(authoring: Authoring, encoding: Encoding | None) -> Iterator[Frame]:
    """Number the slices in the source's order of scrolling, one volume after another."""
    frames, slices = authoring.frames, authoring.frames.slices
    downwards = authoring.source.scrolls_down and not authoring.derivation.new_plane
    for index, encoded in enumerate(encoded_frames(authoring, encoding)):
        volume, place = divmod(index, slices)
        number = index - place + (slices - place if downwards else place + 1)
        yield Frame(index, number, frames.contributors(index), encoded, place, volume)


def _pages(authoring: Authoring) -> Iterator[Frame]:
    """Put all frames into one instance: classes with pages hold stored values as they are."""
    frames = authoring.frames
    each = [frames.contributors(index) for index in range(frames.count)]
    yield Frame(0, 1, _together(each), as_they_are(frames.slab(0, frames.count)), 0)


def _together(each: list[tuple[FrameRef, ...]]) -> tuple[FrameRef, ...]:
    return tuple(sorted({ref for refs in each for ref in refs}))
