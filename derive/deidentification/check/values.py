"""The judge of values: what has to go is not there, what has to change is another, what is retained is the same."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from typing import NamedTuple, TypeAlias

from pydicom._uid_dict import UID_dictionary

from derive.deidentification.check.demands import REPEATING, Demand, Want, names_a_class
from derive.deidentification.check.links import Links
from derive.deidentification.check.pair import Pair, counterparts
from derive.deidentification.check.spots import Spot
from derive.deidentification.check.violation import Violation
from derive.deidentification.check.walk import Leaf, texts
from derive.standard import value_syntax
from derive.standard.vr import TEXT_VRS

_UID = re.compile(r"[0-2](\.(0|[1-9][0-9]*))+")
_DAY = re.compile(rb"(\d{4})\.?(\d{2})\.?(\d{2})(.*)", re.DOTALL)
#: Longer values are more than padding.
_SHORT = 2
#: Leaves of one spot by their items.
_Leaves: TypeAlias = Mapping[tuple[int, ...], Leaf]
_SOP_INSTANCE = 0x00080018


class _Missing(NamedTuple):
    """A leaf of the original, what stands there now, and what is wanted of it."""

    leaf: Leaf
    same: Leaf | None
    demand: Demand


def value_violations(pair: Pair, links: Links) -> Iterator[Violation]:
    """Judge every value of a written file, and what of the original is not there any more."""
    if pair.original:
        links.originals.add(pair.original.text(_SOP_INSTANCE))
    for leaf in pair.output.leaves:
        demand = pair.demand(leaf)
        judge = _JUDGES.get(demand.want)
        if judge is not None and not leaf.spot.is_creator and not pair.is_ours(leaf):
            yield from judge(pair, leaf, demand, links)
    for spot, leaves in pair.before.items():
        if not spot.is_private:
            now = pair.after.get(spot, {})
            for found in _left(pair, leaves, now):
                yield from _missing(pair, found, now, links)


def _gone(pair: Pair, leaf: Leaf, demand: Demand, links: Links) -> Iterator[Violation]:
    if pair.is_below_gone(leaf):
        return
    if leaf.spot.is_private:
        if leaf.spot.creator and not pair.is_stated_safe(leaf.spot):
            yield pair.told("DCK-PRIVATE", leaf.spot, demand.why)
        return
    kind = pair.type_of(leaf.spot)
    if kind is None or kind not in ("", "3"):  # what the IOD may require may stand with another value
        if any(_same(pair, leaf, other) for other in counterparts(pair, leaf)):
            yield pair.told("DCK-KEPT", leaf.spot, demand.why)
        return
    yield pair.told("DCK-PRESENT", leaf.spot, demand.why)


def _changed(pair: Pair, leaf: Leaf, demand: Demand, links: Links) -> Iterator[Violation]:
    if leaf.vr != "SQ" and any(_same(pair, leaf, other) for other in counterparts(pair, leaf)):
        yield pair.told("DCK-KEPT", leaf.spot, demand.why)


def _same(pair: Pair, leaf: Leaf, other: Leaf) -> bool:
    """Whether any value of a leaf is one that stood there before."""
    assert pair.original is not None
    if leaf.vr == "SQ" or other.vr == "SQ":
        return leaf.vr == other.vr and bool(leaf.items) and _bytes(pair, leaf) == _bytes(pair, other, before=True)
    if leaf.vr in TEXT_VRS and leaf.vr not in ("DS", "IS"):  # of numbers a dummy may be one of several
        return not {*texts(pair.output, leaf)}.isdisjoint(texts(pair.original, other))
    value = pair.output.value(leaf)
    return bool(value.strip(b"\0")) and value == pair.original.value(other)


def _bytes(pair: Pair, leaf: Leaf, before: bool = False) -> bytes:
    walked = pair.original if before else pair.output
    assert walked is not None
    return walked.data[leaf.start : leaf.stop]


def _mapped(pair: Pair, leaf: Leaf, demand: Demand, links: Links) -> Iterator[Violation]:
    new = _uids(pair.output, leaf)
    if any(len(uid) > 64 or not _UID.fullmatch(uid) for uid in new):
        yield pair.told("DCK-VALUE", leaf.spot, "no legal UID")
    others = list(counterparts(pair, leaf))
    if len(others) != 1 or len(old := _uids(pair.original, others[0])) != len(new):
        known = {uid for other in others for uid in _uids(pair.original, other) if not is_registered(uid)}
        if not known.isdisjoint(new):
            yield pair.told("DCK-UID-KEPT", leaf.spot, demand.why)
        return
    for before, after in zip(old, new, strict=True):
        yield from _mapped_one(pair, leaf, (before, after), (demand, links))


def _mapped_one(pair: Pair, leaf: Leaf, uids: tuple[str, str], about: tuple[Demand, Links]) -> Iterator[Violation]:
    before, after = uids
    demand, links = about
    if is_registered(before):
        if before != after:
            yield pair.told("DCK-UID-CLASS", leaf.spot)
    elif before == after:
        yield pair.told("DCK-UID-KEPT", leaf.spot, demand.why)
    elif code := links.became(before, after):
        yield pair.told(code, leaf.spot, demand.why)


def _free(pair: Pair, leaf: Leaf, demand: Demand, links: Links) -> Iterator[Violation]:
    """Judge classes, syntaxes and coding schemes, which are replaced by nobody."""
    if leaf.vr != "UI":
        return
    others = list(counterparts(pair, leaf))
    if len(others) == 1:
        old, new = _uids(pair.original, others[0]), _uids(pair.output, leaf)
        if old != new and (names_a_class(leaf.spot.tag) or any(map(is_registered, old))):
            yield pair.told("DCK-UID-CLASS", leaf.spot)


def _shifted(pair: Pair, leaf: Leaf, demand: Demand, links: Links) -> Iterator[Violation]:
    others = list(counterparts(pair, leaf))
    if leaf.vr == "TM":
        held = [*texts(pair.original, others[0])] if len(others) == 1 and pair.original else []
        legal = held and not any(value_syntax.fault("TM", one.decode("latin-1")) for one in held)
        if legal and not _same(pair, leaf, others[0]):
            yield pair.told("DCK-TIME", leaf.spot, demand.why)
        return
    if any(_same(pair, leaf, other) for other in others):
        yield pair.told("DCK-KEPT", leaf.spot, demand.why)
        return
    if len(others) != 1 or pair.original is None:
        return
    old, new = [*texts(pair.original, others[0])], [*texts(pair.output, leaf)]
    for before, after in zip(old, new, strict=False):
        found, moved = _day(before), _day(after)
        if found is None or moved is None:
            continue
        if code := links.moved(pair.patient, (moved[0] - found[0]).days):
            yield pair.told(code, leaf.spot, demand.why)
        if moved[1] != found[1]:
            yield pair.told("DCK-SHIFT-TIME", leaf.spot, demand.why)


def _day(value: bytes) -> tuple[date, bytes] | None:
    """Return the day of a DA or DT, and what stands behind it."""
    match = _DAY.fullmatch(value)
    try:
        return (date(int(match[1]), int(match[2]), int(match[3])), match[4]) if match else None
    except ValueError:
        return None


_JUDGES: dict[Want, Callable[[Pair, Leaf, Demand, Links], Iterator[Violation]]] = {
    Want.GONE: _gone,
    Want.CHANGED: _changed,
    Want.MAPPED: _mapped,
    Want.SHIFTED: _shifted,
    Want.FREE: _free,
    Want.KEPT: _free,
}


def _left(
    pair: Pair, leaves: Mapping[tuple[int, ...], Leaf], now: Mapping[tuple[int, ...], Leaf]
) -> Iterator[_Missing]:
    """Give what of the leaves of a spot is not there any more, or has no value, or had to stay as it was."""
    for at, leaf in leaves.items():
        same = now.get(at)
        demand = pair.demand(leaf, pair.original)
        if demand.want is Want.KEPT or same is None or same.stop - same.start <= _SHORT:
            yield _Missing(leaf, same, demand)


def _missing(pair: Pair, found: _Missing, now: _Leaves, links: Links) -> Iterator[Violation]:
    """Judge what is not there: whether it has to be."""
    leaf, same, demand = found
    spot = leaf.spot
    gone = demand.want is Want.MAPPED and same is None and len(now) != len(pair.before[spot])
    if gone and _may_not_go(pair, leaf):
        links.gone += [(uid, spot.text, pair.file) for uid in _uids(pair.original, leaf)]
    if not _holder_is_there(pair, leaf):
        return
    assert pair.original is not None
    value = pair.original.value(leaf)
    if demand.want is Want.KEPT and value:
        if not any(pair.output.value(other) == value for other in now.values()):
            yield pair.told("DCK-LOST", spot, demand.why)
    elif (
        pair.demands.profile.is_confidential
        and _is_judged(pair, leaf)
        and not (same is None and len(pair.before[spot]) - len(now) <= _lost_items(pair, spot))
    ):
        yield from _required(pair, leaf, same, filled=bool(value))


def _lost_items(pair: Pair, spot: Spot) -> int:
    """Return how many items went of the sequences that hold a spot: those behind them have other places now."""
    if spot.above is None:
        return 0
    before, after = (
        sum(leaf.items for leaf in side.get(spot.above, {}).values()) for side in (pair.before, pair.after)
    )
    return before - after


def _is_judged(pair: Pair, leaf: Leaf) -> bool:
    """Whether the IOD may ask for a leaf: an empty sequence tells nothing, a repeating group goes with its module."""
    if leaf.vr == "SQ" and not leaf.items:
        return False
    return leaf.spot.tag >> 24 not in REPEATING or leaf.spot.above is not None or pair.has_group(leaf.spot.tag >> 16)


def _required(pair: Pair, leaf: Leaf, same: Leaf | None, *, filled: bool) -> Iterator[Violation]:
    """Judge whether the IOD asks for what is absent or empty."""
    kind = pair.type_of(leaf.spot)
    if same is None:
        if kind in ("1", "2"):
            yield pair.told("DCK-TYPE", leaf.spot, f"type {kind}, absent")
    elif kind in ("1", "1C") and filled and not (same.items if same.vr == "SQ" else pair.output.value(same)):
        yield pair.told("DCK-TYPE", leaf.spot, f"type {kind}, empty")


def _holder_is_there(pair: Pair, leaf: Leaf) -> bool:
    """Whether the item that holds a leaf is in the written file too."""
    above = leaf.spot.above
    if above is None:
        return True
    holder = pair.after.get(above, {}).get(leaf.at[:-1])
    return holder is not None and holder.items > leaf.at[-1]


def _may_not_go(pair: Pair, leaf: Leaf) -> bool:
    """Whether nothing in the table lets the sequences go in which a reference stood."""
    if pair.demands.profile.has("structured-content"):
        return False  # content items go by their concept names
    spot, at = leaf.spot.above, leaf.at[:-1]
    while spot is not None:
        holder = pair.after.get(spot, {}).get(at)
        if holder is not None and holder.items:
            return True  # other items of the sequence are there
        if pair.demands.may_go(pair.sop_class_uid, spot):
            return False
        spot, at = spot.above, at[:-1]
    return True


def is_registered(uid: str) -> bool:
    """Whether a UID is one that the standard gives out, or lists (PS3.6 Annex A)."""
    return uid.startswith("1.2.840.10008.") or uid in UID_dictionary


def _uids(walked: object, leaf: Leaf) -> list[str]:
    return [part.decode("latin-1") for part in texts(walked, leaf)] if walked is not None else []  # type: ignore[arg-type]
