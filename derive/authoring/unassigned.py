"""What single-frame images say and no macro has a place for, in groups that are there for it (C.7.6.16.2.25, .26).

The groups of each frame, and all that its instance says, are read as whoever reads the result will read them. What the
source says and that does not is left over: shared where all frames say the same, else each frame's own. So a conversion
and the way back give the same attributes, whatever macros learn to say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from derive import standard
from derive.authoring.decision import Entry
from derive.authoring.entities.references import uids_in
from derive.authoring.order import Authoring, Frame
from derive.authoring.passing import OF_THE_FORM
from derive.authoring.policy import Action, row
from derive.authoring.private import creators_of
from derive.elements.element import Element, keyword_of, tag_of
from derive.elements.encoding import pack_item
from derive.elements.legal import problem
from derive.elements.meaning import same
from derive.model.classes import target_of
from derive.model.functional_groups import flattened, macros
from derive.standard import AttributeRule

_SHARED = tag_of("UnassignedSharedConvertedAttributesSequence")
_OWN = tag_of("UnassignedPerFrameConvertedAttributesSequence")
#: What follows from the new instance, and was true of the single-frame image: its number, and its extreme values.
_OF_THE_IMAGE = frozenset(map(tag_of, ("InstanceNumber", "SmallestImagePixelValue", "LargestImagePixelValue")))
_TYPE = tag_of("ImageType")
#: What the policy works out where pixels pass, and the image may have said otherwise.
_WORKED_OUT = frozenset(map(tag_of, ("ContentDate", "ContentTime", "ImageIndex", "NumberOfSlices")))
_NO_MODULE = "not in this IOD"
#: What is said of a frame in other words, or of the instance that it was in.
_SAID_OTHERWISE = OF_THE_FORM | frozenset(map(tag_of, ("SourceImageSequence", "ImagesInAcquisition")))


#: Macros that refer to instances, of which an archive has to be told the series.
_REFERRING = (tag_of("DerivationImageSequence"),)


def located(authoring: Authoring, groups: Sequence[Mapping[int, Element]]) -> tuple[dict[int, Element], ...]:
    """Return the groups of frames that pass without sources that are not named, or of which nobody says the series.

    *2026-12-01.* A multi-frame image lists the study and series of all that its groups refer to (C.8.15.2, 1C); a
    single-frame one often does not. Nobody makes them up, and without them the image would not be valid: a reference
    stays where what it leads to is among what was read.
    """
    if not authoring.derivation.passes:
        return tuple(map(dict, groups))
    known = authoring.sources.known
    found = {each[tag] for each in groups for tag in _REFERRING if tag in each}
    lost = {element for element in found if not (uids := uids_in(element)) or not uids <= known.keys()}
    return tuple({tag: e for tag, e in each.items() if e not in lost} for each in groups)


def with_unassigned(
    authoring: Authoring, frame: Frame, elements: Mapping[int, Element]
) -> tuple[dict[int, Element], ...]:
    """Return the groups of the frames of an instance, with what is left over of each.

    Parameters
    ----------
    authoring : Authoring
    frame : Frame
        The instance, with the groups of its frames.
    elements : mapping tag -> Element
        What the instance says of all of them.
    """
    groups = [dict(each) for each in frame.groups]
    if not authoring.derivation.passes or _OWN not in {r.tag for r in authoring.target.iod.attributes.values()}:
        return tuple(groups)
    left = [_left(authoring, each, groups[k], elements) for k, each in enumerate(frame.frames)]
    shared = {tag: e for tag, e in left[0].items() if all(other.get(tag) == e for other in left)}
    for each, own in zip(groups, left, strict=True):
        rest = {tag: e for tag, e in own.items() if tag not in shared}
        each |= {tag: Element(tag, "SQ", _packed(of)) for tag, of in ((_SHARED, shared), (_OWN, rest)) if of}
    return tuple(groups)


def in_macros(authoring: Authoring, account: Mapping[int, Entry]) -> dict[int, Entry]:
    """Return what became of attributes that no module has, or on which frames differ: they stand in the groups."""
    if not authoring.derivation.passes or _OWN not in {r.tag for r in authoring.target.iod.attributes.values()}:
        return {}
    why = "said of the same pixels, in a macro or in the Unassigned Converted Attributes"
    gone = {tag for tag in _candidates(authoring) if tag in account and account[tag].action in ("dropped", _NO_MODULE)}
    return {tag: Entry(tag, "pulled", why, "C.7.6.16.2.25", tag in authoring.source.table.varying) for tag in gone}


def _left(
    authoring: Authoring, frame: Frame, groups: Mapping[int, Element], elements: Mapping[int, Element]
) -> dict[int, Element]:
    """What a frame of the source says, and the new one does not."""
    told = {**elements, **groups, **flattened(groups)}
    found = {}
    for tag in _candidates(authoring):
        element = authoring.source.agreement(tag, frame.contributors).element
        if element is None or (tag == _TYPE and not _is_legal(authoring, element)):
            continue
        other = told.get(tag)
        if tag in _OF_THE_IMAGE or other is None or not same(element, other, authoring.encodings):
            found[tag] = element
    return found


def _is_legal(authoring: Authoring, element: Element) -> bool:
    """Whether an image says what its own class can say; what it cannot is not handed on."""
    iod = target_of(authoring.source.frames[0].reference.sop_class_uid).iod
    rule, listed = iod.attributes[element.keyword], standard.values(iod.name, element.keyword)
    return problem(element, rule, listed, authoring.encodings) is None


def _candidates(authoring: Authoring) -> Sequence[int]:
    """Tags that may be left over: all that is no macro, and no word of the instance itself."""
    table, iod = authoring.source.table, authoring.target.iod
    said = {*table.constant, *table.varying} - macros().keys() - _SAID_OTHERWISE
    own = _OF_THE_IMAGE | _WORKED_OUT | {_TYPE}
    return [tag for tag in sorted(said) if tag in own or _passes(iod.attributes.get(keyword_of(tag)))]


def _passes(rule: AttributeRule | None) -> bool:
    return rule is None or row(rule.module, rule.keyword).passes is Action.PULL


def _packed(elements: Mapping[int, Element]) -> bytes:
    """Encode an item, with who defines what is private in it."""
    whole = {**elements, **creators_of(elements)}
    return pack_item(whole[tag] for tag in sorted(whole))
