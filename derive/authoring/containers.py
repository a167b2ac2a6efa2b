"""Frames to instances: each frame an instance, all of them pages of one, or volumes with functional groups.

The only place where frames become instances and get their Instance Number (PS3.3 A.8, C.7.6.16).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from derive import parallel
from derive.authoring.lossy import codestream_of_all, keeps_stored, kept_frame, padding_of_all, with_loss
from derive.authoring.order import Authoring, Frame, Order
from derive.model.frames import Frames
from derive.model.reference import FrameRef
from derive.model.volume import SLAB
from derive.pixels.encapsulating import Encapsulator
from derive.pixels.encode import EncodedFrame, Encoding, as_they_are, encode
from derive.pixels.floating import in_floating_point
from derive.pixels.spool import Spool, SpooledFrames

#: What an instance holds, and its stored values where it holds many frames.
Held: TypeAlias = tuple[Frame, SpooledFrames | None]


def partition(order: Order, *, one_object: bool = False) -> tuple[Sequence[int], ...]:
    """Say which frames of a result each instance holds, in order.

    Volumes that come from one and the same instance of a source stay together, as they were; others are an instance
    each, unless all are wanted in one. Frames of cines stay together that come from the same ones. Single-frame images
    that pass as they are come together in one.
    """
    frames, container = order.frames, order.target.container
    if container == "single":
        return tuple([index] for index in range(frames.count))
    if container == "pages" or one_object:
        return (range(frames.count),)
    if order.derivation.passes:
        return tuple(_by_instance(order).values())
    if frames.count == frames.slices or not frames.volumes:
        return (range(frames.count),)
    together: dict[object, list[int]] = {}
    for volume, indices in enumerate(_by_volume(frames)):
        refs = [ref for index in indices for ref in frames.contributors(index)]
        behind = {order.sources.reference(ref) for ref in [r for r in refs if r.source == 0] or refs}
        alike = frozenset(behind) if container == "cine" or len(behind) == 1 else volume
        together.setdefault(alike, []).extend(indices)
    return tuple(together.values())


def _by_instance(order: Order) -> dict[object, list[int]]:
    """Frames that pass stay with those of their instance; all single-frame images come together."""
    together: dict[object, list[int]] = {}
    for index in range(order.frames.count):
        (ref,) = order.frames.contributors(index)
        instance = order.sources.reference(ref) if order.sources.numbers((ref,)) else None
        together.setdefault(instance, []).append(index)
    return together


def _by_volume(frames: Frames) -> Iterator[range]:
    return (range(first, first + frames.slices) for first in range(0, frames.count, frames.slices))


def contributors_by_instance(order: Order, *, one_object: bool = False) -> list[tuple[FrameRef, ...]]:
    """Say which frames of the sources enter each instance, in order."""
    return [_together(order.frames, indices) for indices in partition(order, one_object=one_object)]


def instances(authoring: Authoring, encoding: Encoding | None, folder: Path | None = None) -> Iterator[Held]:
    """Compute, encode and number what each instance holds, along the normal, a slab at a time.

    Parameters
    ----------
    authoring : Authoring
    encoding : Encoding, optional
        As :class:`derive.authoring.prepare.Prepared` has it.
    folder : Path, optional
        Where the frames of an instance of many wait until it is written; where the system has its temporary files
        without.
    """
    if authoring.target.container == "single":
        return ((frame, None) for frame in _single(authoring, encoding))
    if authoring.target.container == "pages":
        return iter((_pages(authoring, folder),))
    return _functional(authoring, encoding, folder)


def encoded_frames(authoring: Authoring, encoding: Encoding | None) -> Iterator[EncodedFrame]:
    """Compute and encode the frames, a slab at a time; the frames of a slab side by side."""
    return _encoded(authoring, encoding, range(authoring.frames.count))


def _encoded(authoring: Authoring, encoding: Encoding | None, indices: Sequence[int]) -> Iterator[EncodedFrame]:
    frames, form, compression = authoring.frames, authoring.pixel_format, authoring.derivation.compression
    quantise: Callable[[NDArray[Any]], EncodedFrame] = partial(encode, encoding=encoding)
    if authoring.order.stored_as_they_are:
        quantise = as_they_are
    elif form.floating:
        quantise = partial(in_floating_point, bits=form.bits)
    kept = keeps_stored(authoring.order)
    for run in _runs(indices):
        if kept:
            found = parallel.each(partial(kept_frame, authoring.order), run)
        else:
            found = parallel.each(quantise, list(frames.slab(run[0], run[-1] + 1)))
        if compression is not None:
            found = parallel.each(partial(with_loss, form=form, compression=compression), found)
        yield from found


def _single(authoring: Authoring, encoding: Encoding | None) -> Iterator[Frame]:
    """Number the slices in the source's order of scrolling, one volume after another."""
    frames, slices = authoring.frames, authoring.frames.slices
    downwards = authoring.source.scrolls_down and not authoring.derivation.new_plane
    for index, encoded in enumerate(encoded_frames(authoring, encoding)):
        volume, place = divmod(index, slices)
        number = index - place + (slices - place if downwards else place + 1)
        yield Frame(index, number, frames.contributors(index), encoded, place, volume)


def _pages(authoring: Authoring, folder: Path | None) -> Held:
    """Put all frames into one instance: classes with pages hold stored values as they are, or what a loss left."""
    frames, compression = authoring.frames, authoring.derivation.compression
    contributors = _together(frames, range(frames.count))
    if compression is None:
        return Frame(0, 1, contributors, as_they_are(frames.slab(0, frames.count)), 0), None
    spool, packed = Spool(folder), Encapsulator(compression.transfer_syntax, folder)
    each = list(_encoded(authoring, None, range(frames.count)))
    for encoded in each:
        assert encoded.codestream is not None, "it was compressed"
        spool.add(encoded.stored)
        packed.add(encoded.codestream.data, encoded.codestream.native_length)
    whole = as_they_are(np.stack([encoded.stored for encoded in each]))
    whole = replace(whole, error=max(e.error for e in each), codestream=codestream_of_all(each))
    return Frame(0, 1, contributors, whole, 0), spool.close(packed.close())


def _functional(authoring: Authoring, encoding: Encoding | None, folder: Path | None) -> Iterator[Held]:
    """Put volumes into instances; of their frames nothing is kept in memory but what their groups will say."""
    frames, compression = authoring.frames, authoring.derivation.compression
    parts = partition(authoring.order, one_object=authoring.given.one_object)
    for number, indices in enumerate(parts, 1):
        spool, members = Spool(folder), []
        packed = Encapsulator(compression.transfer_syntax, folder) if compression is not None else None
        for index, encoded in zip(indices, _encoded(authoring, encoding, indices), strict=True):
            spool.add(encoded.stored)
            volume, place = frames.volume_and_place(index)
            kept = replace(encoded, stored=encoded.stored[:0].copy())  # a view would keep the whole
            if packed is not None and encoded.codestream is not None:
                packed.add(encoded.codestream.data, encoded.codestream.native_length)
                kept = replace(kept, codestream=encoded.codestream._replace(data=b""))
            members.append(Frame(index, number, frames.contributors(index), kept, place, volume))
        contributors = _together(frames, indices)
        pixels = spool.close(None if packed is None else packed.close())
        yield Frame(number - 1, number, contributors, _summed(members), 0, frames=tuple(members)), pixels


def stand_in_of(authoring: Authoring) -> Frame:
    """Return what stands for all frames before any is computed: what they come from, and no stored values."""
    frames = authoring.frames
    nothing = as_they_are(np.zeros((1, 1), np.int16))
    members = [
        Frame(i, 1, frames.contributors(i), nothing, *frames.volume_and_place(i)[::-1]) for i in range(frames.count)
    ]
    return Frame(0, 1, _together(frames, range(frames.count)), nothing, 0, frames=tuple(members))


def _runs(indices: Sequence[int]) -> Iterator[Sequence[int]]:
    """Give some frames, in order: as many at a time as follow one another, a slab at most."""
    begin = 0
    while begin < len(indices):
        end = begin + 1
        while end < len(indices) and end - begin < SLAB and indices[end] == indices[end - 1] + 1:
            end += 1
        yield indices[begin:end]
        begin = end


def _summed(frames: Sequence[Frame]) -> EncodedFrame:
    """Sum up how the frames of an instance are stored: the worst error, all that was clipped, and all limits."""
    each = [frame.encoded for frame in frames]
    first = each[0]
    smallest, largest = min(e.smallest for e in each), max(e.largest for e in each)
    return EncodedFrame(
        first.stored,
        padding_of_all(each, (smallest, largest)),
        smallest,
        largest,
        max(e.error for e in each),
        sum(e.saturated for e in each),
        codestream_of_all(each),
    )


def _together(frames: Frames, indices: Sequence[int]) -> tuple[FrameRef, ...]:
    if len(indices) == 1:
        return frames.contributors(indices[0])
    return tuple(sorted({ref for index in indices for ref in frames.contributors(index)}))
