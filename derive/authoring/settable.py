"""Which attributes a caller can set, and what a wrong keyword might have been."""

from __future__ import annotations

import difflib
from collections.abc import Mapping

from derive import standard
from derive.authoring.entities import builder_of
from derive.authoring.policy import Action, row
from derive.elements.charset import is_text
from derive.elements.encoding import encode
from derive.elements.legal import problem
from derive.errors import UsageError
from derive.model.classes import IDENTITY
from derive.model.derivation import Derivation
from derive.standard import AttributeRule, Iod
from derive.standard.vr import TEXT_VRS

#: Whether a text fits the character set of a series is asked later.
UTF8 = ("utf_8",)
#: Entities whose text speaks of the new series.
SERIES_LEVEL = frozenset({"Series", "Equipment"})


def settable(rule: AttributeRule) -> bool:
    """Whether a caller can say the value: text of the series, its equipment or its acquisition; no UID."""
    if rule.vr not in TEXT_VRS - {"UI"} or rule.entity in IDENTITY:
        return False
    builder = builder_of(rule)
    return rule.entity in SERIES_LEVEL or builder is None or builder.sayable


def is_pulled(rule: AttributeRule) -> bool:
    """Whether text that is said of values without a source reaches the result as a source's would."""
    if rule.vr not in TEXT_VRS - {"UI"}:
        return False
    builder = builder_of(rule)
    pulled = row(rule.module, rule.keyword).action(Derivation()) is Action.PULL
    return pulled or (builder is not None and builder.sticky)


def checked_attributes(iod: Iod, attributes: Mapping[str, str]) -> Mapping[str, str]:
    """Return what can be set.

    Raises
    ------
    UsageError
        ``SET-KEYWORD`` for a keyword that the IOD does not have, with the nearest match;
        ``SET-FORBIDDEN`` for a UID, the pixel module, the patient, the study, or what is computed;
        ``SET-VALUE`` for text that is no value of the attribute.
    """
    for keyword, text in attributes.items():
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
        if not is_text(text):
            raise UsageError("SET-CHARSET", f"{keyword} holds bytes that are no characters; give it as UTF-8")
        fault = problem(encode(keyword, text, UTF8), rule, standard.values(iod.name, keyword), UTF8)
        if fault:
            raise UsageError("SET-VALUE", f"{keyword} ({rule.vr}): {fault}")
    return dict(attributes)
