"""What is wanted of the value of a content item: Table E.3.4-1 by its concept name (PS3.15 E.3.4).

Asked only where the option Clean Structured Content is in force; without it the sequence is replaced as a whole.
"""

from __future__ import annotations

from derive.deidentification.check.demands import Demand, Want
from derive.deidentification.check.spots import Spot
from derive.deidentification.check.walk import Leaf, Walked
from derive.deidentification.profile.profile import Profile
from derive.standard import content_row

OPTION = "structured-content"
#: Sequences of content items: of reports, acquisition contexts, specimens, waveforms, protocols, and their modifiers.
_SEQUENCES = frozenset([0x0040A730, 0x00400555, 0x00400612, 0x0040B020, 0x00400440, 0x00400441])
_TEXT, _UNFORMATTED, _NAME, _DATETIME, _DATE, _TIME, _UID = (
    *(0x0040A160, 0x00700006, 0x0040A123, 0x0040A120, 0x0040A121, 0x0040A122, 0x0040A124),
)
_VALUES = frozenset([_TEXT, _UNFORMATTED, _NAME, _DATETIME, _DATE, _TIME, _UID])
_CONCEPT, _VALUE_TYPE = 0x0040A043, 0x0040A040
_CODE, _SCHEME = 0x00080100, 0x00080102
_DATES = (_DATETIME, _DATE)


def is_value(spot: Spot) -> bool:
    """Whether a spot is that of the value of a content item."""
    return spot.tag in _VALUES and spot.above is not None and spot.above.tag in _SEQUENCES


def content_demand(walked: Walked, leaf: Leaf, profile: Profile) -> Demand:
    """Return what is wanted of the value of a content item.

    Parameters
    ----------
    walked : Walked
        The file that has it.
    leaf : Leaf
    profile : Profile
    """
    row = content_row(*_concept(walked, leaf))
    if row is None:
        return _by_kind(leaf.spot.tag, profile)
    why = f"Table E.3.4-1 ({row.code}, {row.scheme})"
    actions = {row.actions[option.column] for option in profile.columns if option.column in row.actions}
    if "K" in actions:
        return Demand(Want.FREE, f"{why}, retained")
    if "C" in actions:
        shifted = leaf.spot.tag in _DATES and profile.has("modified-dates")
        return Demand(Want.SHIFTED if shifted else Want.CLEAN, f"{why}, cleaned")
    return Demand(Want.MAPPED if leaf.spot.tag == _UID else Want.CHANGED, f"{why} {row.basic}")


def _concept(walked: Walked, leaf: Leaf) -> tuple[str, str, str]:
    """Return scheme, code and value type of the item that holds a value."""
    holder = leaf.spot.tags[:-1]
    named = [walked.at(*holder, _CONCEPT, tag).get((*leaf.at, 0)) for tag in (_SCHEME, _CODE)]
    kind = walked.at(*holder, _VALUE_TYPE).get(leaf.at)
    scheme, code, value_type = (walked.value(one).decode("latin-1") if one else "" for one in (*named, kind))
    return scheme, code, value_type


def _by_kind(tag: int, profile: Profile) -> Demand:
    """Judge a concept that the table lacks by the kind of its value."""
    why = "a content item of no row of Table E.3.4-1"
    if tag == _NAME:
        return Demand(Want.CHANGED, why)
    if tag == _UID:
        return Demand(Want.FREE if profile.has("uids") else Want.MAPPED, why)
    if tag in (*_DATES, _TIME) and not profile.has("full-dates"):
        if profile.has("modified-dates"):
            return Demand(Want.FREE if tag == _TIME else Want.SHIFTED, why)
        return Demand(Want.CHANGED, why)
    return Demand(Want.CLEAN, why)
