"""What a person assumed of a source, in the words of a record: ``assume(Units='BQML')``, in front of the steps.

Whose image it is stands in the Patient and Study modules and nowhere else: of these the record has the keyword alone,
``assume(PatientID=...)``, and the value is read back from the attribute itself.
"""

from __future__ import annotations

from collections.abc import Mapping

from derive import standard
from derive.model.classes import IDENTITY, made_class_uids
from derive.model.derivation import text_of

#: Name of the call that records assumptions; no step, since it computes nothing.
ASSUME = "assume"
#: Why an attribute is there, in an account.
BY_ASSUMPTION = "assumed: a person said it, the source says nothing legal"
_SPACE = "Frame of Reference"


def recorded(assumed: Mapping[str, str]) -> str:
    """Return the call that stands in Derivation Description; empty for none.

    Examples
    --------
    >>> recorded({"Units": "BQML", "PatientID": "4711"})
    "assume(Units='BQML', PatientID=...)"
    """
    words = ", ".join(f"{k}={'...' if _identifies(k) else text_of(v)}" for k, v in assumed.items())
    return f"{ASSUME}({words})" if words else ""


def told(assumed: Mapping[str, str]) -> dict[str, str]:
    """Return what was assumed, for a report: what identifies a person by its keyword alone."""
    return {k: "..." if _identifies(k) else v for k, v in assumed.items()}


def _identifies(keyword: str) -> bool:
    rules = [r for uid in made_class_uids() if (r := standard.iod(uid).attributes.get(keyword)) is not None]
    return any((r.entity in IDENTITY and r.entity != _SPACE and r.vr != "UI") or r.vr == "PN" for r in rules)
