"""What becomes of one private attribute.

In this order: what the instance calls identifying; what the site vouches for; the tables of safe ones; what the
instance calls safe. Whatever nobody speaks for goes, and without the option Retain Safe Private nearly all goes.
That an attribute is safe is said of what it means; its value representation is looked at still: dates follow the
policy of dates, UIDs the map, text is searched, and no name of a person stays.
"""

from __future__ import annotations

from derive.deidentification.engine.ruling import Ruling
from derive.deidentification.private.claims import claims_of
from derive.deidentification.private.safe import safe
from derive.deidentification.profile.profile import Profile
from derive.elements.instance import Instance
from derive.rewriting.stored import AttributePath

OPTION = "safe-private"
_DATES = frozenset(("DA", "DT", "TM"))
#: What is looked at: free text is searched, and what should be a number or a term has to be one.
_LOOKED_AT = frozenset(("LO", "LT", "SH", "ST", "UC", "UT", "AS", "CS", "DS", "IS"))
_BULK = frozenset(("OB", "OD", "OF", "OL", "OV", "OW", "UN"))
#: What is never called safe by anybody: names of people, and addresses from which more can be fetched.
_NEVER = frozenset(("PN", "UR"))


def private_ruling(path: AttributePath, profile: Profile, instance: Instance) -> Ruling:
    """Return what becomes of a private attribute.

    Parameters
    ----------
    path : AttributePath
    profile : Profile
    instance : Instance
        The whole one, for what it says of its own private attributes.

    Returns
    -------
    Ruling
        Of a Private Creator it is K, which means: while anything of its block stays.
    """
    if path.is_creator:
        return Ruling.of("K", "reserves the block of what stays of it (PS3.5 7.8.1)")
    if not path.creator:
        return Ruling.of("X", "private, and nobody reserved its block (PS3.5 7.8.1)")
    group, element = path.tag >> 16, path.tag & 0xFF
    for entry in profile.private:
        if entry.keep and (entry.group, entry.creator, entry.element) == (group, path.creator, element):
            return _kept(path, entry.vr, profile, "vouched for by the site")
    if not profile.has(OPTION):
        return Ruling.of("X", "private (PS3.15 Table E.1-1)")
    block = claims_of(instance).get((group, path.creator))
    claimed = block.action(element) if block is not None else ""
    if claimed not in ("", "K"):
        return Ruling.of(claimed, "the instance calls it identifying (PS3.3 C.12.1.1.7)")
    row = safe(path)
    if row is not None and row.cleaner:
        return Ruling("C", row.cleaner, why=row.source)
    if row is not None:
        return _kept(path, row.vr, profile, row.source)
    if claimed == "K":
        return _kept(path, path.vr, profile, "the instance calls it safe (PS3.3 C.12.1.1.7)")
    return Ruling.of("X", "private, and nobody has called it safe (PS3.15 E.3.10)")


def _kept(path: AttributePath, vr: str, profile: Profile, why: str) -> Ruling:
    """Rule over what is safe by what its value representation can hold."""
    if path.vr in _BULK and vr and vr not in _BULK and path.vr != "UN":
        return Ruling.of("X", f"{why}, but as {vr} and not {path.vr}")
    vr = path.vr if path.vr != "UN" or not vr else vr
    if vr in _NEVER:
        return Ruling.of("X", f"{why}, but of VR {vr}")
    if vr == "UI":
        return Ruling.of("K" if profile.has("uids") else "U", why)
    if vr in _DATES:
        return _dated(profile, why)
    if vr in _LOOKED_AT:
        return Ruling("C", "cleanPrivate", why=why)
    return Ruling.of("K", why)


def _dated(profile: Profile, why: str) -> Ruling:
    if profile.has("full-dates"):
        return Ruling.of("K", why)
    if profile.has("modified-dates"):
        return Ruling("C", "dateShift", why=why)
    return Ruling.of("X", f"{why}, but no option keeps dates")
