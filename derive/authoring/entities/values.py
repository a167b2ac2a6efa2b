"""Values that several builders write."""

from __future__ import annotations

from typing import Any

from codes import Code, ContextGroup
from derive.authoring.order import Authoring, Frame
from derive.elements.element import Element, tag_of
from derive.elements.mend import legal
from derive.standard import AttributeRule


def own_items(authoring: Authoring, element: Element | None) -> bytes:
    """Return the encoded items that a source has already, as far as they are legal."""
    if element is None:
        return b""
    rule = authoring.target.iod.attributes.get(element.keyword) or _rule_of(element)
    whole, _ = legal(element, rule, (), authoring.encodings)
    return whole.value if whole else b""


def _rule_of(element: Element) -> AttributeRule:
    """Return the rule of an attribute that multi-frame images have within a macro only."""
    return AttributeRule(element.keyword, element.tag, element.vr, "1", "3", "", "", ())


def agreed(authoring: Authoring, frame: Frame, keyword: str) -> Element | None:
    """Return the value on which the contributors of a frame agree; None where they do not, or it is empty."""
    element = authoring.source.agreement(tag_of(keyword), frame.contributors).element
    return element if element is not None and element.stripped() else None


def coded(code: Code, group: ContextGroup | None = None) -> dict[str, Any]:
    """Return the item of a code; complete as an extension of `group` if the group lacks it (PS3.3 8.8).

    Parameters
    ----------
    code : Code
    group : ContextGroup, optional
        The group it is used with.
    """
    item: dict[str, Any] = {
        "CodeValue": code.value,
        "CodingSchemeDesignator": code.scheme,
        "CodeMeaning": code.meaning,
    }
    if group is None or code in group:
        return item
    return item | {
        "MappingResource": "DCMR",
        "ContextGroupVersion": group.version,
        "ContextGroupLocalVersion": LOCAL_VERSION,
        "ContextGroupExtensionFlag": "Y",
        "ContextIdentifier": group.identifier,
        "ContextUID": group.uid,
        "ContextGroupExtensionCreatorUID": CREATOR_UID,
    }


#: When our extensions of context groups were made (PS3.3 8.7).
LOCAL_VERSION = "20261121"
#: Identifies this project as the creator of the extensions (UUID-derived, PS3.5 B.2).
CREATOR_UID = "2.25.160967525439980659085345629066460570101"
