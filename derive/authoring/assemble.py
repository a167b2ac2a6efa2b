"""The attribute pull: from a series in the making to the elements of its instances.

The IOD's attributes are walked, module by module; one row of the policy decides for each. Two passes:
the series pass decides and encodes everything that is the same for all instances once; the frame pass
adds the few elements that differ. Every attribute of the source ends in the account.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from derive import standard
from derive.authoring.containers import contributors_by_instance, stand_in_of
from derive.authoring.decision import Decision, Entry
from derive.authoring.entities import builder_of
from derive.authoring.entities.dimensions import has_content, placed
from derive.authoring.entities.real_world import unmapped
from derive.authoring.entities.volume_macros import told_in_macros
from derive.authoring.groups import in_groups
from derive.authoring.order import Authoring, Frame
from derive.authoring.outside import outside
from derive.authoring.passing import outsiders, read_unlike, said_by_dimensions, told_of_passing
from derive.authoring.policy import Action, row
from derive.authoring.presence import (
    Conditional,
    conditionals,
    leaves_of,
    missing,
    modules_of,
    settled,
    unmet,
    unwanted,
)
from derive.authoring.private import (
    CREATOR_REASON,
    creators_of,
    left_out,
    private_action,
    private_row,
    private_rules,
    privates_of,
)
from derive.authoring.pull import constant_element, entry_of, frame_element, missing_attribute, vr_of
from derive.authoring.unassigned import in_macros, located, with_unassigned
from derive.elements.element import Element, is_standard
from derive.elements.legal import reader
from derive.errors import AssembleError, MissingAttribute
from derive.model.classes import IDENTITY
from derive.model.reference import FrameRef
from derive.model.remark import Remark
from derive.standard import AttributeRule
from derive.standard.conditions import condition_of
from derive.told.wording import counted


@dataclass(frozen=True)
class SeriesPass:
    """Everything that is the same for all instances, and what is left for each.

    Parameters
    ----------
    authoring : Authoring
    constant : mapping tag -> Element
    varying : tuple of Decision
        For the frame pass.
    bannable, requirable : tuple of Conditional
        What conditions of types 1C and 2C forbid or demand in one instance and not in another.
    account : tuple of Entry
        One for every attribute of the source and of the result, in tag order.
    """

    authoring: Authoring
    constant: Mapping[int, Element]
    varying: tuple[Decision, ...]
    bannable: tuple[Conditional, ...]
    requirable: tuple[Conditional, ...]
    account: tuple[Entry, ...]

    @property
    def missed(self) -> tuple[Remark, ...]:
        """What of the source is left out and would have been worth keeping, or is kept and read in different ways."""
        there = [*self.constant, *(d.rule.tag for d in self.varying)]
        return (*left_out(self.authoring, there), *unmapped(self.authoring), *read_unlike(self.authoring))

    def instance(self, frame: Frame) -> dict[int, Element]:
        """Frame pass: all elements of one instance.

        What was pulled and may not be there, since its condition does not hold, goes; what is required and
        nobody had is there and empty, if its type is 2C.

        Raises
        ------
        AssembleError
            ``ASM-TYPE1`` for an attribute of type 1 that cannot be had.
        """
        grouped = _group_tags(self.authoring)
        elements = {tag: e for tag, e in self.constant.items() if tag not in grouped}
        if grouped:
            groups_of = located(self.authoring, self._groups(frame.frames, grouped))
            frame = told_in_macros(self.authoring, replace(frame, groups=groups_of))
            frame = placed(self.authoring, frame)
        lacking: list[MissingAttribute] = []
        for decision in self.varying:
            if decision.rule.tag in grouped:
                continue
            try:
                element = frame_element(self.authoring, decision, frame)
            except MissingAttribute as error:
                lacking.append(error)
                continue
            if element is not None:
                elements[element.tag] = element
        _refuse(lacking)
        groups = frame.groups[0] if grouped else {}
        for rule in list(unwanted(self.authoring, self.bannable, {**groups, **elements})):
            elements.pop(rule.tag, None)
        for rule in list(missing(self.authoring, self.requirable, {**groups, **elements})):
            elements[rule.tag] = Element(rule.tag, vr_of(rule), b"")
        if grouped:
            elements.update((e.tag, e) for e in in_groups(with_unassigned(self.authoring, frame, elements)))
        return elements

    def _groups(self, frames: Sequence[Frame], tags: frozenset[int]) -> tuple[dict[int, Element], ...]:
        """Say what the macros of each frame say."""
        common = {tag: e for tag, e in self.constant.items() if tag in tags}
        own = [decision for decision in self.varying if decision.rule.tag in tags]
        found = []
        for frame in frames:
            made = (frame_element(self.authoring, decision, frame) for decision in own)
            found.append(common | {e.tag: e for e in made if e is not None})
        return tuple(found)


def assemble(authoring: Authoring) -> SeriesPass:
    """Series pass.

    Raises
    ------
    AssembleError
        ``ASM-TYPE1`` for an attribute of type 1 that cannot be had.
    """
    constant: dict[int, Element] = {}
    varying: list[Decision] = []
    account: dict[int, Entry] = {}
    lacking: list[MissingAttribute] = []
    sets, of_frames = _contributors(authoring)
    grouped = _group_tags(authoring)
    for decision in _decisions(authoring):
        tag = decision.rule.tag
        if _varies(authoring, decision) and not _splits(authoring, decision, of_frames if tag in grouped else sets):
            varying.append(decision)
            account[tag] = entry_of(decision, tag, varies=True)
            continue
        try:
            element, account[tag] = constant_element(authoring, decision)
        except MissingAttribute as error:
            lacking.append(error)
            continue
        if element is not None:
            constant[tag] = element
    for tag, creator in creators_of([*constant, *(d.rule.tag for d in varying)]).items():
        constant[tag], account[tag] = creator, Entry(tag, "recomputed", CREATOR_REASON)
    _refuse([*lacking, *_unmet(authoring, constant), *_unbuilt(authoring, varying, constant)])
    differing = {d.rule.tag for d in varying}
    bannable, requirable = _conditioned(authoring, constant, differing | leaves_of(differing), account)
    said = authoring.source.tags | authoring.source.illegal.keys()
    decided = frozenset(account)
    for tag in said - decided:
        account[tag] = Entry(tag, *outside(authoring, tag, decided))
    account |= in_macros(authoring, account)
    present = said | constant.keys()
    entries = tuple(entry for tag, entry in sorted(account.items()) if tag in present or entry.varies)
    return SeriesPass(authoring, constant, tuple(varying), bannable, requirable, entries)


def _group_tags(authoring: Authoring) -> frozenset[int]:
    """Tags of the macros, of a class whose frames have functional groups; none of others."""
    iod = authoring.target.iod
    if authoring.target.container != "functional":
        return frozenset()
    return frozenset(r.tag for r in iod.attributes.values() if iod.usage(r.module) is None)


def _contributors(authoring: Authoring) -> tuple[set[tuple[FrameRef, ...]], set[tuple[FrameRef, ...]]]:
    """Which frames of the sources enter each instance, and each frame."""
    frames = authoring.frames
    by_instance = contributors_by_instance(authoring.order, one_object=authoring.given.one_object)
    return set(by_instance), {frames.contributors(index) for index in range(frames.count)}


def _unmet(authoring: Authoring, constant: Mapping[int, Element]) -> Iterator[MissingAttribute]:
    """Yield what a condition asks for and nobody said, or on which the images of the source differ.

    What a source of its own lacks is left to the check, as it came.
    """
    source = authoring.source
    differs = "the contributing images differ"
    for rule in unmet(authoring, conditionals(authoring.target.iod), constant):
        decided = row(rule.module, rule.keyword)
        pulled = decided.action(authoring.derivation) is Action.PULL and not decided.fallback
        foreign = authoring.target.container == "functional" and rule.entity not in IDENTITY
        foreign = foreign and rule.keyword not in authoring.order.blemishes.lacking
        if not source.frames or foreign or (pulled and rule.tag in source.table.varying):
            why = differs if rule.tag in source.table.varying else source.lacking
            yield missing_attribute(rule, standard.section(rule.module), why)


def _unbuilt(
    authoring: Authoring, varying: Sequence[Decision], constant: Mapping[int, Element]
) -> Iterator[MissingAttribute]:
    """Yield what a class asks for and nobody says, though it is no pull: of a multi-frame class, or without a source.

    It is known before the first frame is computed, so that a dry run says it too.
    """
    if not authoring.source.frames:
        yield from _unsaid(authoring, varying)
        return
    if not has_content(authoring):
        return
    has, iod, stand_in = reader(constant, authoring.encodings), authoring.target.iod, stand_in_of(authoring)
    grouped = _group_tags(authoring)
    for decision in varying:
        rule, condition = decision.rule, condition_of(decision.rule)
        wanted = rule.type == "1C" and condition is not None and condition.holds(iod.name, has)
        known = rule.keyword in authoring.order.blemishes.lacking or not is_standard(rule.tag)
        of_frames = rule.tag in grouped
        if known or not (wanted or (of_frames and rule.type == "1")):
            continue
        try:
            element = frame_element(authoring, decision, stand_in.frames[0] if of_frames else stand_in)
            if wanted and element is None:
                yield missing_attribute(rule, decision.row.section, authoring.source.lacking)
        except MissingAttribute as error:
            yield error


def _unsaid(authoring: Authoring, varying: Sequence[Decision]) -> Iterator[MissingAttribute]:
    """Yield what is of type 1 in each frame, made of what a person says, and was not said."""
    stand_in = stand_in_of(authoring).frames[0]
    for decision in varying:
        if decision.rule.type == "1" and decision.builder is not None and decision.builder.sticky:
            try:
                frame_element(authoring, decision, stand_in)
            except MissingAttribute as error:
                yield error


def _conditioned(
    authoring: Authoring, constant: dict[int, Element], varying: set[int], account: dict[int, Entry]
) -> tuple[tuple[Conditional, ...], tuple[Conditional, ...]]:
    """Make true what conditions say that read nothing of what varies; return those that are left for each instance."""
    rules = conditionals(authoring.target.iod)
    now, bannable = settled(rules, varying)
    for rule in list(unwanted(authoring, now, constant)):
        del constant[rule.tag]
        account[rule.tag] = Entry(rule.tag, "dropped", "the condition for its presence does not hold")
    now, requirable = settled(rules, varying | {c.rule.tag for c in bannable})
    for rule in list(missing(authoring, now, constant)):
        constant[rule.tag] = Element(rule.tag, vr_of(rule), b"")
        account[rule.tag] = _demanded(authoring, rule)
    requirable = [c for c in requirable if c.rule.type == "2C"]
    for rule in missing(authoring, requirable, constant):
        if rule.tag not in varying:
            account[rule.tag] = _demanded(authoring, rule, varies=True)
    return tuple(bannable), tuple(requirable)


def _demanded(authoring: Authoring, rule: AttributeRule, *, varies: bool = False) -> Entry:
    why = f"its condition asks for it, and {authoring.source.lacking}"
    return Entry(rule.tag, "emptied", why, standard.section(rule.module), varies)


def _refuse(lacking: list[MissingAttribute]) -> None:
    """Name everything that is missing at once."""
    if len(lacking) == 1:
        raise lacking[0]
    if lacking:
        keywords = [e.facts["keyword"] for e in lacking]
        lines = "".join(f"\n  {e.message}" for e in lacking)
        message = f"{counted(len(lacking), 'attribute')} that the result needs cannot be had:{lines}"
        raise MissingAttribute("ASM-TYPE1", message, keyword=keywords[0], keywords=keywords)


def _decisions(authoring: Authoring) -> Iterator[Decision]:
    """Attributes of the IOD that the result can have, with what the policy says of them."""
    present = modules_of(authoring)
    for rule in authoring.target.iod.attributes.values():
        found = row(rule.module, rule.keyword)
        action = found.action(authoring.derivation)
        part = rule.module in present or authoring.target.iod.usage(rule.module) is None
        if not part and action is not Action.RECOMPUTE:
            continue
        builder = builder_of(rule)
        if action is Action.RECOMPUTE and builder is None:
            raise AssembleError("POL-NOBUILDER", f"policy.tsv recomputes {rule.keyword} and nothing builds it")
        yield Decision(rule, told_of_passing(authoring, found), action, builder, part)
    rules = private_rules()
    for private in privates_of(authoring):
        yield Decision(rules[private.tag], private_row(private)[0], private_action(authoring, private), None)
    for rule, beyond in outsiders(authoring):
        if rule.tag not in rules:
            yield Decision(rule, beyond, Action.PULL, None)
    for rule, said, builder in said_by_dimensions(authoring):
        yield Decision(rule, said, Action.RECOMPUTE, builder)


def _varies(authoring: Authoring, decision: Decision) -> bool:
    if decision.rule.keyword in authoring.given.attributes:
        return False
    if decision.action is Action.RECOMPUTE:
        return decision.builder is not None and decision.builder.varies(authoring)
    return decision.action is Action.PULL and decision.rule.tag in authoring.source.table.varying


def _splits(authoring: Authoring, decision: Decision, sets: set[tuple[FrameRef, ...]]) -> bool:
    """Whether a pull would leave some instances with a value and others without.

    Readers take that for two series (dcm2niix by Exposure, for one), so then none has it.
    """
    rule = decision.rule
    if decision.action is not Action.PULL or rule.type == "1" or decision.row.fallback:
        return False
    return any(authoring.source.agreement(rule.tag, contributors).differs for contributors in sets)
