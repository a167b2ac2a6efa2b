"""Private attributes that are safe and stay true: ``private.tsv``, a row a creator and one for each exception.

Its columns are those of ``policy.tsv``; ``warn`` is ``yes`` where a result without the attribute is worth less, so that
somebody has to be told. Whatever no row names is dropped: what it means for new pixels is unknown (PS3.15 E.3.10).
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib.resources import files

from derive import standard
from derive.authoring.order import Authoring
from derive.authoring.policy import ANY, Action, Row, actions_of
from derive.elements.element import Element, keyword_of
from derive.elements.private import creator_of
from derive.model.derivation import ValuesEffect
from derive.model.remark import Remark
from derive.standard import AttributeRule, SafePrivate

#: Module of the rules of private attributes, which no module of the standard has.
MODULE = "private"
CREATOR_REASON = "says who defines the private attributes beside it (PS3.5 7.8)"


@cache
def private_rules() -> Mapping[int, AttributeRule]:
    """Rules of all safe private attributes, by tag in the block of this package."""
    return {
        p.tag: AttributeRule(keyword_of(p.tag), p.tag, p.vr, p.vm, "3", MODULE, "Image", ())
        for p in standard.safe_private().values()
    }


@cache
def _rows() -> Mapping[tuple[str, str], tuple[Row, bool]]:
    text = files(__package__).joinpath("private.tsv").read_text(encoding="utf-8")
    found = {}
    for line in csv.DictReader(text.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE):
        effects = actions_of(line)
        override = Action(line["new_quantity"]) if line["new_quantity"] else None
        row = Row(MODULE, line["tag"], effects, override, False, "", "", line["reason"])
        found[line["creator"], line["tag"]] = row, line["warn"] == "yes"
    return found


def private_row(private: SafePrivate) -> tuple[Row, bool]:
    """Return what is decided of a private attribute, and whether it is missed where it is left out."""
    return _rows().get((private.creator, private.shown)) or _rows()[private.creator, ANY]


def private_action(authoring: Authoring, private: SafePrivate) -> Action:
    """Return what becomes of it: what speaks of values goes where these are given in other units too."""
    row, _ = private_row(private)
    if row.new_quantity is not None and _other_units(authoring):
        return row.new_quantity
    return row.action(authoring.derivation)


def _other_units(authoring: Authoring) -> bool:
    """Whether the values of the result are in other units than those that the source states."""
    keyword = authoring.target.units_keyword
    stated = authoring.source.text(keyword) if keyword else ""
    return bool(stated) and stated != authoring.frames.quantity.units


def privates_of(authoring: Authoring) -> Iterator[SafePrivate]:
    """Safe private attributes that the source has."""
    table = authoring.source.table
    for tag in private_rules():
        private = standard.safe_private_of(tag)
        if private is not None and (tag in table.constant or tag in table.varying):
            yield private


def creators_of(tags: Iterable[int]) -> dict[int, Element]:
    """Return the Private Creators that attributes of a result need beside them."""
    return {e.tag: e for tag in tags if tag & 0x10000 and (e := creator_of(tag)) is not None}


def left_out(authoring: Authoring, kept: Iterable[int]) -> tuple[Remark, ...]:
    """Say which private attributes of the source are missed in the result.

    Parameters
    ----------
    authoring : Authoring
    kept : iterable of int
        Tags that the result has.
    """
    there, found = set(kept), []
    for private in privates_of(authoring):
        _, missed = private_row(private)
        if missed and private.tag not in there:
            changed = authoring.derivation.values_effect is ValuesEffect.NEW_QUANTITY or _other_units(authoring)
            why = "the values are another quantity" if changed else "the contributing images differ"
            found.append(Remark("SRC-PRIVATE", f"{private.name} {keyword_of(private.tag)}", why))
    return tuple(found)
