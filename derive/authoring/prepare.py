"""What has to be known before the first instance is made: encoding, window, UIDs, character set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from itertools import chain
from typing import NamedTuple, TypeVar

from codes import Code
from derive.authoring.lossy import keeps_stored, kept_format
from derive.authoring.naming import named
from derive.authoring.options import Options
from derive.authoring.order import Authoring, Given, Order
from derive.authoring.scan import ValueRange, scan
from derive.authoring.settable import checked_attributes
from derive.authoring.window import kept_luts, kept_window, made_window, picture_window
from derive.elements.charset import fits, is_text
from derive.elements.element import Element, tag_of
from derive.errors import UsageError
from derive.model.assumption import recorded
from derive.model.classes import Target, format_of
from derive.model.derivation import Derivation, ValuesEffect
from derive.model.frames import Frames, Volumes
from derive.model.plausible import refuse_normalised
from derive.model.segmented import Segmented
from derive.model.source import Attributes, Sources
from derive.model.source_frame import SourceFrame
from derive.model.uids import RandomUids, ReproducibleUids, Uids, UidsOfPart, checked_root
from derive.model.volume import Quantity
from derive.model.window import Window
from derive.pixels.compress import refuse_unsayable
from derive.pixels.encode import Encoding, PixelFormat, Rescale, SourceEncoding
from derive.pixels.fitting import fit, in_steps, keep, per_instance
from derive.standard import is_single_frame
from derive.told.wording import flag
from derive.version import VERSION

AnyFrames = TypeVar("AnyFrames", bound=Frames)


class Prepared(NamedTuple):
    """A series in the making, and how its pixels are stored.

    Parameters
    ----------
    authoring : Authoring
    encoding : Encoding, optional
        None where each frame has its own, or stored values are all there is.
    """

    authoring: Authoring
    encoding: Encoding | None


def draft(order: Order, options: Options) -> Authoring:
    """Settle what can be settled without looking at a single pixel: no window, passing UIDs."""
    target = order.target
    if (compression := options.compression_of(order.derivation)) is not None:
        _, rows, columns = order.frames.shape
        refuse_unsayable(compression, order.frames.format, (rows, columns))
    places = options.spatial_locations_preserved or ""
    if places and order.derivation.places_known:
        raise UsageError("OPT-PLACES", "what these operations do to places is known; it is said of a user's own only")
    attributes = checked_attributes(target.iod, options.set)
    timed = options.timestamp is not None
    said = named(options.quantity, options.quantity_code, options.quantity_items, order.derivation.units)
    if target.named and said.concept is None and order.frames.quantity.concept is None:
        raise UsageError(
            "OPT-QUANTITY",
            f"{target.iod.name} holds values of a quantity that is said, and nobody said which these are of; wanted an "
            f"operation that makes one, or {flag('quantity', 'TEXT')} and {flag('units', 'TEXT')} with apply",
        )
    given = Given(options.series_description, options.series_number, places, attributes, timed, *said)
    given = replace(given, one_object=options.one_object)
    texts = [*_added_text(order, given), recorded(order.source.assumed)]
    order = replace(order, sources=_sided(_holding(order.sources, texts), target))
    window = Window.over(0.0, 1.0) if target.named else None  # which has to have one: that of the values, later
    uids = RandomUids(checked_root(options.uid_prefix))
    return Authoring(order, uids, _now(order.source, options.timestamp), given, window)


def prepare(order: Order, options: Options) -> Prepared:
    """Settle everything that is the same for all instances.

    Values are passed over once beforehand only if their range is not known, or UIDs or a window are made of them.
    """
    authoring = draft(order, options)
    encoding, values = _encoding(order, authoring.target)
    luts = kept_luts(order, encoding) if order.frames.format.samples == 1 else None
    window, values = _window(order, encoding, values, beside_luts=luts is not None)
    uids = uids_of(order, options, values)
    if order.beside is not None and not order.source.references:
        uids = UidsOfPart(uids, order.beside())
    return Prepared(replace(authoring, uids=uids, window=window, voi_luts=luts), encoding)


def source_encoding(frames: Sequence[SourceFrame], derivation: Derivation, step: float | None = None) -> SourceEncoding:
    """What the stored values of a source's frames are; another quantity has another rescale.

    Parameters
    ----------
    frames : sequence of SourceFrame
    derivation : Derivation
    step : float, optional
        Of which all values of another quantity are multiples, as sums and differences of whole numbers are.
    """
    whole = [f.padding if f.padding and float(f.padding[0]).is_integer() else None for f in frames]
    paddings = {int(padding[0]) if padding else None for padding in whole}  # of floating point it can be any, or NaN
    rescaled = frames if derivation.values_effect is not ValuesEffect.NEW_QUANTITY else ()
    own = (step, 0.0) if step is not None and not rescaled else None
    return SourceEncoding(
        slopes=(own[0],) if own else tuple(f.rescale[0] for f in rescaled),
        intercepts=(own[1],) if own else tuple(f.rescale[1] for f in rescaled),
        signed=any(f.stored_range[0] < 0 for f in frames),
        padding=paddings.pop() if len(paddings) == 1 else None,
    )


def in_bits_of(stored: SourceEncoding, form: PixelFormat) -> SourceEncoding:
    """Return how values are to be stored in a format; in floating point nothing has to be found out."""
    return stored if form.floating else replace(stored, bits=form.bits)


def whole_step(target: Target, quantity: Quantity, derivation: Derivation, sources: Sources) -> float | None:
    """Return the step of which all values of a new quantity are multiples, where a class stores them with one slope.

    None as soon as anything was computed between values, or a source has another slope, or an intercept between its
    steps: what lies between two steps would be rounded away.
    """
    step = quantity.step
    between = any(s.values_effect is ValuesEffect.KEEPS_QUANTITY or s.before for s in derivation.steps)
    if step is None or between or target.rescale is not Rescale.SERIES:
        return None
    scales = {frame.rescale for source in sources.all for frame in source.frames}
    return step if all(slope == step and float(intercept / step).is_integer() for slope, intercept in scales) else None


def in_numbers(frames: AnyFrames, target: Target, numbers: str | None, kept: Attributes | None = None) -> AnyFrames:
    """Return volumes that are stored as a person wants it; in 16 bits where a class holds nothing else.

    Parameters
    ----------
    frames : Frames
    target : Target
    numbers : str, optional
    kept : Attributes, optional
        The source of which stored values stay, in as many bits as there.
    """
    if not isinstance(frames, Volumes):
        return frames
    if kept is not None:
        return replace(frames, format=kept_format(kept, target.iod))
    return replace(frames, format=format_of(target, numbers, frames.format))


def _encoding(order: Order, target: Target) -> tuple[Encoding | None, ValueRange | None]:
    frames, stored = order.frames, order.stored
    if keeps_stored(order):
        common = stored.rescale
        return (Encoding(*common, stored.signed, stored.padding, stored.bits) if common else None), None
    kept, padded = bool(stored.slopes), frames.quantity.padded
    if order.stored_as_they_are or frames.format.floating or per_instance(target.rescale, stored, kept):
        return None, None
    if frames.quantity.stored_step and target.rescale is Rescale.MAPPING:
        found = scan(frames)
        encoding = in_steps(frames.quantity.stored_step, stored, (found.low, found.high), padded)
        if encoding is not None:
            return encoding, found
    if kept and frames.value_range is not None:
        encoding = keep(target.rescale, stored, frames.value_range, padded)
        if encoding is not None:
            return encoding, None
    found = scan(frames)
    refuse_normalised(frames.quantity, found.low, found.high)
    step, ends = frames.quantity.step, (found.low, found.high)
    return fit(target.rescale, stored, ends, padded=padded, keeps_quantity=kept, step=step), found


def _window(
    order: Order, encoding: Encoding | None, values: ValueRange | None, beside_luts: bool
) -> tuple[Window | None, ValueRange | None]:
    """Return the source's window, else one of the values, unless it would stand beside the source's VOI LUT.

    And their range, where it had to be found for that.
    """
    if order.derivation.passes or order.frames.format.samples > 1:
        return None, values  # colours are shown as they are
    if order.target.window == "stored":
        return picture_window(order.frames), values
    window = kept_window(order)
    if window is not None or beside_luts or (order.target.window in ("none", "never") and not _wanted(order.target)):
        return window, values
    found = values or scan(order.frames)
    return made_window((found.low, found.high), encoding), found


def _wanted(target: Target) -> bool:
    """Whether frames of a class have to have a window: those of multi-frame PET (PS3.3 C.7.6.16.2.10)."""
    rule = target.iod.attributes.get("FrameVOILUTSequence")
    return rule is not None and rule.type == "1"


def uids_of(order: Order, options: Options, values: ValueRange | None = None) -> Uids:
    """Return where the UIDs of a series come from.

    Parameters
    ----------
    order : Order
    options : Options
    values : ValueRange, optional
        What is known of its values already.
    """
    root = checked_root(options.uid_prefix)
    if options.uids == "random":
        return RandomUids(root)
    facts = [
        VERSION,
        order.target.iod.sop_class_uid,
        *(r.sop_instance_uid for r in order.sources.references),
        *(
            f"{tag:08x}={e.value.hex()}"
            for tag in sorted(order.source.said)
            if (e := order.source.agreement(tag).element)
        ),
        *(f"{k}={v}" for k, v in sorted(order.source.assumed.items())),
        *(f"{s.description}={s.code}" for s in order.derivation.steps),
        *("=".join(a.texts) for a in order.derivation.algorithms),
        str(options.series_description),
        str(options.series_number),
        str(options.spatial_locations_preserved),
        *filter(None, [options.quantity, options.quantity_code]),
        *(f"{k}={v}" for k, v in options.quantity_items.items()),
        *(f"{k}={v}" for k, v in sorted(options.set.items())),
        *([order.part] if order.part else []),
        order.frames.layout,
        (values or scan(order.frames)).digest,
    ]
    return ReproducibleUids(tuple(facts), root)


def _now(source: Attributes, timestamp: datetime | None) -> datetime:
    """Now, in the time zone that the source states (C.12.1.1.8); a time that was given is not shifted."""
    if timestamp is not None and timestamp.tzinfo is None:
        return timestamp
    now = timestamp or datetime.now().astimezone()
    offset = source.text("TimezoneOffsetFromUTC")
    if len(offset) != 5 or not offset[1:].isdigit() or offset[0] not in "+-":
        return now
    minutes = int(offset[1:3]) * 60 + int(offset[3:])
    return now.astimezone(timezone(timedelta(minutes=-minutes if offset[0] == "-" else minutes)))


#: What tells whether a part of the body may be one of a pair, and which.
_PART, _SIDE = tag_of("BodyPartExamined"), tag_of("Laterality")

# 2026-12-01: multi-frame images say side and part of each frame, and need say neither. Single frames of them that were
# silent of both would say that the part is not one of a pair (type 2C, C.7.3.1); an empty Laterality says that nobody
# knows, as in what is made of a volume without a source.


def _sided(sources: Sources, target: Target) -> Sources:
    """Return sources whose principal, where its frames become single ones, leaves the side of an unknown part open."""
    source = sources.principal
    single = target.container == "single" and not all(is_single_frame(r.sop_class_uid) for r in source.references)
    if not single or {_PART, _SIDE} & {*source.table.constant, *source.table.varying}:
        return sources
    open_side = Element(_SIDE, "CS", b"")
    table = source.table.only(frozenset({*source.table.constant, *source.table.varying}), {_SIDE: open_side})
    return replace(sources, principal=replace(source, table=table, tags=source.tags | {_SIDE}))


def _holding(sources: Sources, texts: list[str]) -> Sources:
    """Return sources whose principal's character set has some texts; a set that a person stated stays as it is.

    Raises
    ------
    UsageError
        ``SET-CHARSET`` for text that this set, or Unicode, does not have.
    """
    if not all(map(is_text, texts)):
        raise UsageError("SET-CHARSET", "a text that was given holds bytes that are no characters; give it as UTF-8")
    source = sources.principal
    if all(fits(text, source.encodings) for text in texts):
        return sources
    if tag_of("SpecificCharacterSet") in source.said:
        raise UsageError(
            "SET-CHARSET", "a description or a setting does not fit the character set; ISO_IR 192 holds all"
        )
    return sources.in_utf8()


def _added_text(order: Order, given: Given) -> list[str]:
    derivation, quantity = order.derivation, order.frames.quantity
    said = [given.quantity, quantity.concept, *chain(*given.definition, *quantity.definition)]
    codes = [c.meaning for c in (*derivation.codes, *said) if isinstance(c, Code)]
    texts = [*(s.label for s in derivation.steps), *(t for a in derivation.algorithms for t in a.texts)]
    if isinstance(order.frames, Segmented):
        texts += [text for segment in order.frames.segments for text in segment.texts]
    return [derivation.description, *texts, given.series_description or "", *codes, *given.attributes.values()]
