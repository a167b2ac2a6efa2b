"""What has to be known before the first instance is made: encoding, window, UIDs, character set."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from typing import Literal

import numpy as np

from derive.derivation import Derivation, ValuesEffect
from derive.elements import fits, is_text, tag_of
from derive.encode import Encoding, SourceEncoding, fit, keep, per_instance
from derive.errors import UsageError, ValuesError
from derive.pictures import Content, Pictures
from derive.series import Given, Making, Order
from derive.settable import checked_attributes
from derive.source import Attributes, GivenAttributes, SourceSeries
from derive.targets import Target, target
from derive.uids import RandomUids, ReproducibleUids, Uids, checked_root
from derive.version import VERSION
from derive.volume import Array, Volume
from derive.windows import window_of

#: Slices that are pulled, encoded and written at a time.
SLAB = 8


@dataclass(frozen=True)
class Options:
    """What a caller can say of the series to be made.

    Parameters
    ----------
    series_description : str, optional
    series_number : int, optional
    uids : {"random", "reproducible"}
        Reproducible UIDs follow from the sources, the steps, these options, the version and the pixels.
    uid_prefix : str, optional
        An organisation's UID root; None makes UUID-derived UIDs (PS3.5 B.2).
    timestamp : datetime, optional
        When the pixels are made; None is now.
    set : mapping keyword -> text
        Series-level text that replaces what the policy would do.
    """

    series_description: str | None = None
    series_number: int | None = None
    uids: Literal["random", "reproducible"] = "random"
    uid_prefix: str | None = None
    timestamp: datetime | None = None
    set: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        checked_root(self.uid_prefix)
        if self.uids not in ("random", "reproducible"):
            raise UsageError("UID-KIND", f"uids {self.uids!r}; wanted random or reproducible")
        if self.series_description is not None and not 0 < len(self.series_description) <= 64:
            raise UsageError(
                "SET-LENGTH",
                f"Series Description has {len(self.series_description)} characters; wanted 1 to 64",
            )
        if self.series_number is not None and not -(2**31) <= self.series_number < 2**31:
            raise UsageError("SET-NUMBER", f"Series Number {self.series_number} is not a 32-bit integer")


@dataclass(frozen=True)
class Scan:
    """What one pass over all values tells.

    Parameters
    ----------
    low, high : float
        Of the values that are not padding.
    digest : str
        Of all values.
    """

    low: float
    high: float
    digest: str


def draft(order: Order, options: Options) -> Making:
    """Settle what can be settled without looking at a single pixel: no encoding, no window, passing UIDs."""
    source, goal = order.source, target(order.sop_class_uid)
    given = Given(options.series_description, options.series_number, checked_attributes(goal.iod, options.set))
    source = _holding(source, _added_text(order.derivation, given))
    uids = RandomUids(checked_root(options.uid_prefix))
    now = _now(source, options.timestamp)
    return Making(source, order.volume, order.derivation, goal, None, uids, now, given)


def prepare(order: Order, options: Options) -> Making:
    """Settle everything that is the same for all instances.

    Values are passed over once beforehand only if their range is not known or the UIDs depend on them.
    """
    making = draft(order, options)
    encoding, scanned = _encoding(order, making.target)
    return replace(making, encoding=encoding, uids=_uids(order, options, scanned), window=window_of(order))


def slabs(volume: Volume) -> Iterator[tuple[int, Array]]:
    """All values in order, as (first slice, slab)."""
    count = volume.count
    for first in range(0, count, SLAB):
        yield first, volume.slab(first, min(count, first + SLAB))


def scan(volume: Volume) -> Scan:
    """Pass over all values once.

    Raises
    ------
    ValuesError
        ``VAL-EMPTY`` if every value is padding.
    """
    low, high, digest = np.inf, -np.inf, hashlib.sha256()
    for _, slab in slabs(volume):
        digest.update(np.ascontiguousarray(slab).tobytes())
        native = slab[~np.isnan(slab)]
        if native.size:
            low, high = min(low, float(native.min())), max(high, float(native.max()))
    if low > high:
        raise ValuesError("VAL-EMPTY", "every value of the result is padding; there is nothing to store")
    return Scan(low, high, digest.hexdigest())


def digest_of(content: Content, scanned: Scan | None) -> str:
    """Digest of all values."""
    if isinstance(content, Pictures):
        return hashlib.sha256(np.ascontiguousarray(content.pages).tobytes()).hexdigest()
    return (scanned or scan(content)).digest


def source_encoding(source: SourceSeries, derivation: Derivation) -> SourceEncoding:
    """What the source's stored values are; another quantity has another rescale."""
    paddings = {i.padding[0] if i.padding else None for i in source.instances}
    instances = source.instances if derivation.values_effect is not ValuesEffect.NEW_QUANTITY else ()
    return SourceEncoding(
        slopes=tuple(i.rescale[0] for i in instances),
        intercepts=tuple(i.rescale[1] for i in instances),
        signed=any(i.stored_range[0] < 0 for i in source.instances),
        padding=paddings.pop() if len(paddings) == 1 else None,
    )


def _encoding(order: Order, goal: Target) -> tuple[Encoding | None, Scan | None]:
    volume, stored = order.volume, order.stored
    if isinstance(volume, Pictures):
        return None, None
    kept, padded = bool(stored.slopes), volume.quantity.padded
    if per_instance(goal.rescale, stored, kept):
        return None, None
    if kept and volume.value_range is not None:
        encoding = keep(goal.rescale, stored, volume.value_range, padded)
        if encoding is not None:
            return encoding, None
    found = scan(volume)
    return fit(goal.rescale, stored, (found.low, found.high), padded=padded, keeps_quantity=kept), found


def _uids(order: Order, options: Options, scanned: Scan | None) -> Uids:
    root = checked_root(options.uid_prefix)
    if options.uids == "random":
        return RandomUids(root)
    facts = [
        VERSION,
        order.sop_class_uid,
        *(r.sop_instance_uid for r in order.source.references),
        *(f"{tag:08x}={order.source.table.constant[tag].value.hex()}" for tag in sorted(order.source.said)),
        *(f"{s.description}={s.code}" for s in order.derivation.steps),
        str(options.series_description),
        str(options.series_number),
        *(f"{k}={v}" for k, v in sorted(options.set.items())),
        order.volume.layout,
        digest_of(order.volume, scanned),
    ]
    return ReproducibleUids(tuple(facts), root)


def _now(source: Attributes, timestamp: datetime | None) -> datetime:
    """Now, in the time zone that the source states (C.12.1.1.8); a time that was given is not shifted."""
    if timestamp is not None and timestamp.tzinfo is None:
        return timestamp
    now = timestamp or datetime.now().astimezone()
    offset = str(source.value("TimezoneOffsetFromUTC") or "")
    if len(offset) != 5 or not offset[1:].isdigit() or offset[0] not in "+-":
        return now
    minutes = int(offset[1:3]) * 60 + int(offset[3:])
    return now.astimezone(timezone(timedelta(minutes=-minutes if offset[0] == "-" else minutes)))


def _holding(source: SourceSeries | GivenAttributes, texts: list[str]) -> SourceSeries | GivenAttributes:
    """Return a source whose character set has some texts; a set that a person stated stays as it is.

    Raises
    ------
    UsageError
        ``SET-CHARSET`` for text that this set, or Unicode, does not have.
    """
    if not all(map(is_text, texts)):
        raise UsageError("SET-CHARSET", "a text that was given holds bytes that are no characters; give it as UTF-8")
    if all(fits(text, source.encodings) for text in texts):
        return source
    if tag_of("SpecificCharacterSet") in source.said:
        raise UsageError(
            "SET-CHARSET", "a description or a setting does not fit the character set; ISO_IR 192 holds all"
        )
    return source.in_utf8()


def _added_text(derivation: Derivation, given: Given) -> list[str]:
    codes = [c.meaning for c in derivation.codes]
    return [derivation.description, given.series_description or "", *codes, *given.attributes.values()]
