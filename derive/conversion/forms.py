"""The same pixels in instances of another form: single frames, multi-frame, legacy-converted (PS3.3 A.70 to A.72).

Nothing is derived: each frame keeps its stored values, rescale, window, padding and plane, and all else that it says of
itself. The instances are new, and name those that the frames were in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from derive.authoring.groups import with_macros
from derive.authoring.options import Options, options_of
from derive.authoring.order import Order
from derive.builder import DerivedSeries
from derive.conversion.passed import PassedFrames
from derive.errors import UsageError
from derive.limits import Limits
from derive.model.classes import class_in_form, form_of, target_of
from derive.model.derivation import Derivation
from derive.model.source import Attributes, Sources
from derive.pixels.encode import SourceEncoding
from derive.reading.choice import Chosen
from derive.reading.files import Source
from derive.reading.whole import read_whole
from derive.told.wording import flag


def in_form(
    source: Attributes | Source,
    into: str,
    *,
    series: str | None = None,
    assume: Mapping[str, object] | None = None,
    limits: Limits | None = None,
    **options: Any,
) -> DerivedSeries:
    """Give the images of a series another form.

    Parameters
    ----------
    source : path, paths, pydicom Datasets, or SourceSeries
        From a path all frames of the series pass, of whichever stacks and volumes; of a series that is read already
        those that it has.
    into : {"classic", "enhanced", "legacy-converted"}
    series, assume, limits
        As :func:`derive.read` takes them.
    **options
        As in :class:`derive.authoring.options.Options`; and ``stack``, ``volumes``, ``where`` and ``frames``, as
        :func:`derive.read` takes them.

    Raises
    ------
    UsageError
        ``OPT-FORM`` for a form that the images have already, or that there is none of.
    SourceError, ValuesError
        As :func:`derive.reading.whole.read_whole`; ``VAL-SHAPE`` for images of several matrices.
    """
    chosen = Chosen(**{k: options.pop(k) for k in Chosen.__annotations__ if k in options})  # type: ignore[typeddict-item]
    if isinstance(source, Attributes):
        whole = source
    else:
        whole = read_whole(source, series=series, assume=assume, limits=limits, **chosen)
    own = whole.frames[0].reference.sop_class_uid
    wanted = class_in_form(own, into)
    if wanted == own and not any(frame.tiled for frame in whole.frames):  # slices of mosaics become images
        raise UsageError(
            "OPT-FORM", f"the images are {into} already; nothing is to be done. Another {flag('into', 'FORM')} is"
        )
    if (form_of(own), into) == ("enhanced", "legacy-converted"):
        raise UsageError(
            "OPT-FORM",
            "legacy-converted says of frames that they were classic images, and these were not (PS3.3 A.70); "
            f"give {flag('into', 'classic')}",
        )
    target, sources = target_of(wanted), Sources(whole)
    frames = PassedFrames(whole, target.iod)
    _ = frames.shape  # what cannot be in one series is said first
    if target.container == "functional":
        sources = with_macros(sources, target.iod)
    order = Order(sources, frames, Derivation(passes=True), target, stored_of(whole))
    known = {f.name for f in fields(Options)}
    if unknown := options.keys() - known:
        raise UsageError("OPT-UNKNOWN", f"unknown options {sorted(unknown)}; there are {sorted(known)}")
    return DerivedSeries(order, options_of({**options, "into": into}))


def stored_of(source: Attributes) -> SourceEncoding:
    """Return how the values of frames are stored, which is how they stay."""
    return SourceEncoding(
        slopes=tuple(f.rescale[0] for f in source.frames),
        intercepts=tuple(f.rescale[1] for f in source.frames),
        signed=any(f.stored_range[0] < 0 for f in source.frames),
        padding=None,
    )
