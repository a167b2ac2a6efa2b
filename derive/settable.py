"""Which attributes a caller can set, and what a wrong keyword might have been."""

from __future__ import annotations

import difflib
from collections.abc import Mapping

from derive.derivation import Derivation
from derive.elements import TEXT_VRS
from derive.entities import BUILDERS
from derive.errors import UsageError
from derive.policy import IDENTITY, Action, row
from derive.standard import AttributeRule, Iod

#: Entities whose text speaks of the new series.
SERIES_LEVEL = frozenset({"Series", "Equipment"})


def settable(rule: AttributeRule) -> bool:
    """Whether a caller can say the value: text of the series, its equipment or its acquisition; no UID."""
    if rule.vr not in TEXT_VRS - {"UI"} or rule.entity in IDENTITY:
        return False
    return rule.entity in SERIES_LEVEL or rule.keyword not in BUILDERS


def is_pulled(rule: AttributeRule) -> bool:
    """Whether text that is said of values without a source reaches the result as a source's would."""
    if rule.vr not in TEXT_VRS - {"UI"}:
        return False
    builder = BUILDERS.get(rule.keyword)
    pulled = row(rule.module, rule.keyword).action(Derivation()) is Action.PULL
    return pulled or (builder is not None and builder.sticky)


def checked_attributes(iod: Iod, attributes: Mapping[str, str]) -> Mapping[str, str]:
    """Return what can be set.

    Raises
    ------
    UsageError
        ``SET-KEYWORD`` for a keyword that the IOD does not have, with the nearest match;
        ``SET-FORBIDDEN`` for a UID, the pixel module, the patient, the study, or what is computed.
    """
    for keyword in attributes:
        rule = iod.attributes.get(keyword)
        if rule is None:
            lowered = {k.lower(): k for k in iod.attributes}
            near = difflib.get_close_matches(keyword.lower(), lowered, n=1, cutoff=0.5)
            hint = f"; did you mean {lowered[near[0]]}?" if near else ""
            raise UsageError("SET-KEYWORD", f"{keyword} is no attribute of the {iod.name} IOD{hint}")
        if not settable(rule):
            raise UsageError(
                "SET-FORBIDDEN",
                f"{keyword} ({rule.module}) cannot be set: UIDs, the pixel and plane modules, the patient, the "
                "study and whatever is computed stay as they are made",
            )
    return dict(attributes)
