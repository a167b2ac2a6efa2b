"""Methods without a secret: an attribute stays, goes, is emptied, or gets the value that a person says."""

from __future__ import annotations

from derive.deidentification.here import Here
from derive.deidentification.methods.registry import method
from derive.deidentification.methods.values import padded, text_element
from derive.elements.element import Element


@method("keep")
def keep(element: Element, here: Here) -> Element | None:
    """Leave it as it is (K)."""
    return element


@method("remove")
def remove(element: Element, here: Here) -> Element | None:
    """Take it out (X)."""
    return None


@method("redact")
def redact(element: Element, here: Here) -> Element | None:
    """Empty it (Z)."""
    return element._replace(value=b"")


@method("substitute", replace_with=str)
def substitute(element: Element, here: Here) -> Element | None:
    """Put the value of the rule in its place."""
    return text_element(element, str(here.settings.get("replace_with", "ANONYMOUS")), here.encodings)


@method("refreshUID", "UI")
def refresh_uid(element: Element, here: Here) -> Element | None:
    """Give it the UID that the run has for it (U); each of several values, and a well-known one stays."""
    uids = element.value.rstrip(b" \0").decode("ascii", "replace").split("\\")
    return element._replace(value=padded("\\".join(map(here.run.uids.new, uids)).encode(), "UI"))
