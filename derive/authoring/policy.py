"""Our decisions on every attribute: ``policy.tsv``, one row a module, and one for each exception.

The columns ``keeps_grid``, ``new_grid`` and ``projection`` give the action by what the derivation does
to the grid, ``new_quantity`` the action where the values become something else. ``pull/drop`` for a new grid says one
action where its planes have the orientation of the source's, and another where they have not. An action is

``pull``
    the value on which the contributing source instances agree; where they do not, what the attribute's
    type asks for: type 3 is dropped, type 2 is empty, type 1 takes ``fallback`` or is an error;
``recompute``
    a builder in :mod:`derive.authoring.entities` makes it;
``empty``
    present without a value;
``drop``
    absent.

``passes`` is the action where the pixels are those of the source, in instances of another form; nothing there is
``pull``, whatever a derivation would do: all that an image says stays true of its pixels.

``other_class`` is ``known`` for what is true of images of another class too, made of the same patient in the same
space: of a reference of another class, only that is known, and all else as if it said nothing.

``fallback`` is ``=TEXT`` (this value), ``least`` or ``greatest`` (of the contributing values), ``of KEYWORD`` (that of
the contributing frame whose KEYWORD is the least) or ``recompute``.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache
from importlib.resources import files

from derive.errors import AssembleError
from derive.model.derivation import Derivation, GeometryEffect, ValuesEffect
from derive.standard import Iod

ANY = "*"


class Action(Enum):
    """What becomes of an attribute."""

    PULL = "pull"
    RECOMPUTE = "recompute"
    EMPTY = "empty"
    DROP = "drop"


@dataclass(frozen=True)
class Row:
    """One row of the table.

    Parameters
    ----------
    module, keyword : str
        ``*`` for all attributes of the module that have no row of their own.
    actions : mapping effect on the grid -> Action
        Of the values of :class:`GeometryEffect`, and ``new_plane``: a new grid whose planes have another orientation.
    new_quantity : Action, optional
        Overrides them where the values become another quantity.
    other_class : bool
        Whether what a source of another class says is known.
    fallback, section, reason : str
    passes : Action
        That where the pixels pass as they are.
    """

    module: str
    keyword: str
    actions: Mapping[str, Action]
    new_quantity: Action | None
    other_class: bool
    fallback: str
    section: str
    reason: str
    passes: Action = Action.PULL

    def action(self, derivation: Derivation) -> Action:
        """Return the action for what a derivation does."""
        if derivation.passes:
            return self.passes
        if self.new_quantity and derivation.values_effect is ValuesEffect.NEW_QUANTITY:
            return self.new_quantity
        effect = derivation.geometry_effect
        turned = effect is GeometryEffect.NEW_GRID and derivation.new_plane
        return self.actions["new_plane" if turned else effect.value]


def actions_of(line: Mapping[str, str]) -> dict[str, Action]:
    """Return the actions of a line of a table, by effect on the grid."""
    found = {effect.value: Action(line[effect.value].partition("/")[0]) for effect in GeometryEffect}
    return found | {"new_plane": Action(line["new_grid"].rpartition("/")[2])}


@cache
def rows() -> Mapping[tuple[str, str], Row]:
    """All rows by module and keyword."""
    text = files(__package__).joinpath("policy.tsv").read_text(encoding="utf-8")
    table: dict[tuple[str, str], Row] = {}
    for line in csv.DictReader(text.splitlines(), delimiter="\t"):
        effects = actions_of(line)
        override = Action(line["new_quantity"]) if line["new_quantity"] else None
        key = line["module"], line["keyword"]
        if key in table:
            raise AssembleError("POL-TWICE", f"policy.tsv has two rows for {key}")
        known, words = line["other_class"] == "known", (line["fallback"], line["section"], line["reason"])
        passes = Action(line["passes"] or Action.PULL)
        table[key] = Row(*key, effects, override, known, *words, passes)
    return table


def known_across_classes(iod: Iod) -> frozenset[int]:
    """Tags of what a source of this class says that is true of another class too."""
    return frozenset(
        rule.tag
        for rules in iod.all_rules.values()
        for rule in rules
        if (rule.module, rule.keyword) in rows() or (rule.module, ANY) in rows()
        if row(rule.module, rule.keyword).other_class
    )


def row(module: str, keyword: str) -> Row:
    """Return the row that governs an attribute: its own, else its module's.

    Raises
    ------
    AssembleError
        ``POL-NOROW`` if the module has none.
    """
    found = rows().get((module, keyword)) or rows().get((module, ANY))
    if found is None:
        raise AssembleError("POL-NOROW", f"policy.tsv has no row for {keyword} of the module {module}")
    return found
