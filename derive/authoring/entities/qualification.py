"""What the content may be used for, and whether it is made up (PS3.3 C.12.1).

*2026-11-30.* Nothing that this software makes is a product: it is research software. What a source says of its own
content is a warning that stays, and a disagreement never loses it; PRODUCT is said by a person or by nobody.
"""

from __future__ import annotations

from derive.authoring.entities.registry import per_series
from derive.authoring.order import Authoring
from derive.elements.element import tag_of

#: Warnings, the strongest first.
_WARNINGS = ("RESEARCH", "SERVICE")


@per_series("ContentQualification", sticky=True, sayable=True)
def content_qualification(authoring: Authoring) -> str | None:
    """Return RESEARCH where a source says so or a user's own computation made it; a warning of the sources else."""
    said = _said(authoring, "ContentQualification")
    if tag_of("ContentQualification") in authoring.source.said:
        return next(iter(said), None)
    if authoring.derivation.own_computation:
        return _WARNINGS[0]
    return next((w for w in _WARNINGS if w in said), None)


@per_series("ContentQualification", module="enhanced-ct-image", sticky=True, sayable=True)
@per_series("ContentQualification", module="enhanced-mr-image", sticky=True, sayable=True)
@per_series("ContentQualification", module="enhanced-pet-image", sticky=True, sayable=True)
@per_series("ContentQualification", module="parametric-map-image", sticky=True, sayable=True)
def content_qualification_of_frames(authoring: Authoring) -> str | None:
    """Return the same; RESEARCH where nobody says anything, since these classes want to know."""
    return content_qualification(authoring) or _WARNINGS[0]


@per_series("SyntheticData", sticky=True, sayable=True)
def synthetic_data(authoring: Authoring) -> str | None:
    """Return YES where any source says so; NO where all say that, and no step is a user's own, which may invent."""
    said = _said(authoring, "SyntheticData")
    if tag_of("SyntheticData") in authoring.source.said:
        return next(iter(said), None)
    if "YES" in said:
        return "YES"
    known = not authoring.derivation.own_computation and authoring.derivation.places_known
    everywhere = all(None not in source.values("SyntheticData") for source in authoring.sources.all)
    return "NO" if said == {"NO"} and known and everywhere else None


def _said(authoring: Authoring, keyword: str) -> set[str]:
    """What any image of any source says."""
    found = [v for source in authoring.sources.all for v in (source.value(keyword), *source.values(keyword))]
    return {str(v).strip() for v in found if v}
