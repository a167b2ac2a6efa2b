"""What has to be known before the first instance is made: encoding, window, UIDs, character set."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from typing import Any, Literal

import numpy as np

from derive.derivation import Derivation, ValuesEffect
from derive.elements import fits
from derive.encode import Encoding, SourceEncoding, decimal, fit, keep, per_instance
from derive.errors import UsageError, ValuesError
from derive.series import Given, Making, Window
from derive.settable import checked_attributes
from derive.source import SourceSeries
from derive.targets import Target, target
from derive.uids import RandomUids, ReproducibleUids, Uids, checked_root
from derive.version import VERSION
from derive.volume import Array, Volume

#: Slices that are pulled, encoded and written at a time.
SLAB = 8
#: Slices looked at for a window, and the share of the values left out at each end.
WINDOW_SLICES = 8
WINDOW_TAIL_PERCENT = 0.5
#: Below this width the window function is LINEAR_EXACT, which allows widths under 1 (C.11.2.1.3.2).
NARROW = 20.0


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


def draft(source: SourceSeries, volume: Volume, derivation: Derivation, options: Options) -> Making:
    """Settle what can be settled without looking at a single pixel: no encoding, no window, passing UIDs."""
    goal = target(source.sop_class_uid)
    given = Given(options.series_description, options.series_number, checked_attributes(goal.iod, options.set))
    if not all(fits(text, source.encodings) for text in _added_text(derivation, given)):
        source = source.in_utf8()
    uids = RandomUids(checked_root(options.uid_prefix))
    return Making(source, volume, derivation, goal, None, uids, _now(source, options.timestamp), given)


def prepare(source: SourceSeries, volume: Volume, derivation: Derivation, options: Options) -> Making:
    """Settle everything that is the same for all instances.

    Values are passed over once beforehand only if their range is not known or the UIDs depend on them.
    """
    making = draft(source, volume, derivation, options)
    encoding, scanned = _encoding(source, volume, derivation, making.target)
    return replace(
        making,
        encoding=encoding,
        uids=_uids(source, volume, derivation, options, scanned),
        window=_window(source, volume, derivation),
    )


def slabs(volume: Volume) -> Iterator[tuple[int, Array]]:
    """All values in order, as (first slice, slab)."""
    count = volume.shape[0]
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


def source_encoding(source: SourceSeries) -> SourceEncoding:
    """What the source's stored values are."""
    paddings = {i.padding[0] if i.padding else None for i in source.instances}
    return SourceEncoding(
        slopes=tuple(i.rescale[0] for i in source.instances),
        intercepts=tuple(i.rescale[1] for i in source.instances),
        signed=any(i.stored_range[0] < 0 for i in source.instances),
        padding=paddings.pop() if len(paddings) == 1 else None,
    )


def _encoding(
    source: SourceSeries, volume: Volume, derivation: Derivation, goal: Target
) -> tuple[Encoding | None, Scan | None]:
    kept, padded = derivation.values_effect is not ValuesEffect.NEW_QUANTITY, volume.quantity.padded
    stored = source_encoding(source)
    if per_instance(goal.rescale, stored, kept):
        return None, None
    if kept and volume.value_range is not None:
        encoding = keep(goal.rescale, stored, volume.value_range, padded)
        if encoding is not None:
            return encoding, None
    found = scan(volume)
    return fit(goal.rescale, stored, (found.low, found.high), padded=padded, keeps_quantity=kept), found


def _uids(source: SourceSeries, volume: Volume, derivation: Derivation, options: Options, scanned: Scan | None) -> Uids:
    root = checked_root(options.uid_prefix)
    if options.uids == "random":
        return RandomUids(root)
    facts = [
        VERSION,
        *(r.sop_instance_uid for r in source.references),
        *(f"{s.description}={s.code}" for s in derivation.steps),
        str(options.series_description),
        str(options.series_number),
        *(f"{k}={v}" for k, v in sorted(options.set.items())),
        (scanned or scan(volume)).digest,
    ]
    return ReproducibleUids(tuple(facts), root)


def _now(source: SourceSeries, timestamp: datetime | None) -> datetime:
    """Now, in the time zone that the source states (C.12.1.1.8); a time that was given is not shifted."""
    if timestamp is not None and timestamp.tzinfo is None:
        return timestamp
    now = timestamp or datetime.now().astimezone()
    offset = str(source.value("TimezoneOffsetFromUTC") or "")
    if len(offset) != 5 or not offset[1:].isdigit() or offset[0] not in "+-":
        return now
    minutes = int(offset[1:3]) * 60 + int(offset[3:])
    return now.astimezone(timezone(timedelta(minutes=-minutes if offset[0] == "-" else minutes)))


def _added_text(derivation: Derivation, given: Given) -> list[str]:
    codes = [s.code.meaning for s in derivation.steps]
    return [derivation.description, given.series_description or "", *codes, *given.attributes.values()]


def _window(source: SourceSeries, volume: Volume, derivation: Derivation) -> Window:
    """Return the source's window while the quantity is kept; else one from the values."""
    if derivation.values_effect is not ValuesEffect.NEW_QUANTITY:
        kept = _source_window(source)
        if kept is not None:
            return kept
    return _window_of_values(volume)


def _source_window(source: SourceSeries) -> Window | None:
    """Return the windows on which the whole series agrees; else one: the median of their first ones."""
    pairs = [_real_window(source, k) for k in range(len(source.instances))]
    legal = [p for p in pairs if p[0] and len(p[0]) == len(p[1]) and min(p[1]) >= 1]
    if not legal:
        return None
    if len(set(pairs)) == 1:
        names = tuple(_texts(source.value("WindowCenterWidthExplanation")))
        same_count = len(names) == len(legal[0][0])
        return Window(*legal[0], names if same_count else (), source.value("VOILUTFunction"))
    center, width = np.median([(p[0][0], p[1][0]) for p in legal], axis=0)
    return Window((float(center),), (float(width),))


def _real_window(source: SourceSeries, index: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return centres and widths of one instance in real-world values.

    Without a modality LUT a window acts on stored values (C.11.2.1.2): so in MR, whose values are mapped.
    """
    centers, widths = (_numbers(source.value(k, index)) for k in ("WindowCenter", "WindowWidth"))
    if source.value("RescaleSlope", index) is None:
        slope, intercept = source.instances[index].rescale
        centers, widths = [c * slope + intercept for c in centers], [w * abs(slope) for w in widths]
    return tuple(centers), tuple(widths)


def _window_of_values(volume: Volume) -> Window:
    count = volume.shape[0]
    chosen = sorted({round(i) for i in np.linspace(0, count - 1, min(count, WINDOW_SLICES))})
    values = np.concatenate([volume.slab(i, i + 1).ravel() for i in chosen])
    values = values[~np.isnan(values)]
    if not values.size:
        return Window((0.0,), (1.0,))
    low, high = np.percentile(values, [WINDOW_TAIL_PERCENT, 100 - WINDOW_TAIL_PERCENT])
    width = float(high - low) or 1.0
    function = "LINEAR_EXACT" if width < NARROW else None
    return Window((decimal(float(low + high) / 2),), (decimal(width),), function=function)


def _numbers(value: Any) -> list[float]:
    try:
        return [float(v) for v in (value if _many(value) else [value])]
    except (TypeError, ValueError):
        return []


def _texts(value: Any) -> list[str]:
    return [] if value is None else [str(v) for v in (value if _many(value) else [value])]


def _many(value: Any) -> bool:
    return hasattr(value, "__iter__") and not isinstance(value, str)
