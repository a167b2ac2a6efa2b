"""What the profile asks of a spot: read from the table of the standard once more, by nobody who wrote the file.

The order is that of the profile: a person's own rules, private attributes, repeating groups, the row of Table E.1-1
with the options in force (K before C before the basic action), and the net for what the table lacks. What holds of a
sequence holds of all that is in it.
"""

from __future__ import annotations

from enum import Enum
from functools import cache
from typing import NamedTuple

from pydicom.datadict import keyword_for_tag

from derive.deidentification.check.spots import Spot, Spots
from derive.deidentification.private.safe import safe_rows
from derive.deidentification.profile.bases import listed_by_dcm4chee, required_by_google
from derive.deidentification.profile.needed import is_spared
from derive.deidentification.profile.profile import Option, Profile
from derive.standard import ConfidentialityRow, confidentiality_row, type_of
from derive.standard.vr import TEXT_VRS


class Want(Enum):
    """What is wanted of a value."""

    GONE = "not there"
    CHANGED = "not there, empty, or another value"
    MAPPED = "another UID, the same wherever it stood"
    SHIFTED = "a date moved by the patient's shift"
    KEPT = "what it was"
    CLEAN = "without what names the patient"
    FREE = "anything"


class Demand(NamedTuple):
    """What is wanted of the values at a spot.

    Parameters
    ----------
    want : Want
    why : str
        From which row, option or rule.
    forced : bool
        Of a sequence: whether all that can tell anything in it has to change.
    """

    want: Want
    why: str
    forced: bool = False


#: What the profile writes itself; ``marks`` judges it.
MARKS = frozenset([0x00120062, 0x00120063, 0x00120064, 0x00280301, 0x00280303])
#: Where the de-identifying equipment stands, behind what others said there.
_EQUIPMENT = 0x0018A001
#: Attributes of a code that tell which list it is of.
_SCHEMES = frozenset([0x00080102, 0x00080103, 0x0008010B, 0x0008010C, 0x0008010D, 0x0008010F, 0x00080105, 0x00080106])
#: Curves and overlays: the first byte of their groups (PS3.5 7.6).
REPEATING = (0x50, 0x60)
CODE_TAGS = _SCHEMES | {
    *(0x00080100, 0x00080119, 0x00080120, 0x00080104, 0x00080107, 0x00080117, 0x00080118, 0x00080121, 0x00080122)
}
#: What content items are about, in which units, and by which template: without it there is no tree.
_STRUCTURE = frozenset([0x0040A043, 0x004008EA, 0x0040A504])
_TELLING = TEXT_VRS - {"AS", "CS", "IS", "UI"} | {"OB", "UN"}
_DATES, _BULK = frozenset(["DA", "DT", "TM"]), frozenset(["OB", "OW", "UN"])
_PATIENT_ID = 0x00100020
_PATIENT, _FIRST_GROUP, _PIXELS = 0x0010, 0x0008, 0x7FE0
_METHODS = {
    **dict.fromkeys(("remove",), Want.GONE),
    **dict.fromkeys(("keep",), Want.KEPT),
    **dict.fromkeys(("refreshUID",), Want.MAPPED),
    **dict.fromkeys(("redact", "replace", "cryptoHash", "encrypt", "mask", "dateShift"), Want.CHANGED),
}
_BASIC = {"X": Want.GONE, "U": Want.MAPPED, "K": Want.KEPT, "X/Z/U*": Want.FREE}


class Demands:
    """What a profile wants, spot by spot. It remembers its answers."""

    def __init__(self, profile: Profile) -> None:
        self.profile = profile
        self.options = profile.columns
        self._known: dict[tuple[str, Spot, str], Demand] = {}
        self._spots = Spots()
        self._types: dict[tuple[str, Spot], str | None] = {}

    def of(self, sop_class_uid: str, spot: Spot, vr: str) -> Demand:
        """Return what is wanted of the values at a spot.

        Parameters
        ----------
        sop_class_uid : str
            Of the instance.
        spot : Spot
        vr : str
            As it stands in the file.
        """
        key = sop_class_uid, spot, vr
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._decided(sop_class_uid, spot, vr)
        return found

    def keeps(self, tag: int) -> bool:
        """Whether a standard attribute that stands in no sequence is retained as it is."""
        spot = self._spots.at(None, tag)
        return self.of("", spot, spot.vr).want is Want.KEPT

    def may_go(self, sop_class_uid: str, spot: Spot) -> bool:
        """Whether a sequence may be taken out: the table lets it go, and the IOD does not need it."""
        row = None if spot.is_private else confidentiality_row(spot.tag, self.profile.edition)
        return spot.is_private or (row is not None and self.type_of(sop_class_uid, spot) not in ("1", "1C"))

    def type_of(self, sop_class_uid: str, spot: Spot) -> str | None:
        """Return the type of an attribute in an IOD, as :func:`derive.standard.type_of` does."""
        key = sop_class_uid, spot
        if key not in self._types:
            self._types[key] = type_of(sop_class_uid, spot.tags)
        return self._types[key]

    def _decided(self, sop_class_uid: str, spot: Spot, vr: str) -> Demand:
        for rule in self.profile.rules:
            if rule.address.matches(spot.path) and not is_spared(spot.path, rule.method):
                want = _METHODS.get(rule.method, Want.FREE) if not rule.settings else _by_settings(rule.method)
                return Demand(want, rule.told)
        above = spot.above and self.of(sop_class_uid, spot.above, "SQ")
        if above and above.want is Want.GONE:
            return above
        base = self._by_base(spot, vr)
        if base is not None:
            return base
        found = self._by_table(sop_class_uid, spot, vr)
        if above and above.forced and found.want in (Want.FREE, Want.CLEAN) and not found.why.startswith("option "):
            return _forced(spot, vr, above)
        return found

    def _by_base(self, spot: Spot, vr: str) -> Demand | None:
        """Judge by a base that is no profile of PS3.15: what it does not name stays."""
        base = self.profile.base
        if spot.tags == (_PATIENT_ID,) and self.profile.has("patient-id-hash"):
            return Demand(Want.CHANGED, "option patient-id-hash")
        if self.profile.dialect == "dcm4chee" and self._listed_by_dcm4chee(spot, vr):
            return Demand(Want.KEPT if vr != "SQ" else Want.FREE, "a list of dcm4chee")
        if self.profile.is_confidential:
            return None
        if base == "remove-list" and self._is_listed(spot):
            return Demand(Want.GONE, base)
        if base == "keep-list" and not self._stays_listed(spot):
            return Demand(Want.GONE, base)
        row = None if spot.is_private else confidentiality_row(spot.tag, self.profile.edition)
        if vr == "UI" and row is not None and self.profile.dialect != "microsoft" and not self._taken(row, "K"):
            return Demand(Want.MAPPED, f"Table E.1-1 {row.basic}")
        return Demand(Want.FREE, base)

    def _listed_by_dcm4chee(self, spot: Spot, vr: str) -> bool:
        """Whether an option keeps a spot in the dialect of dcm4chee: its lists, and for UIDs all of them."""
        lists = (listed_by_dcm4chee().get(option, ()) for option in self.profile.options)
        return any(spot.tag in listed for listed in lists) or (vr == "UI" and self.profile.has("uids"))

    def _is_listed(self, spot: Spot) -> bool:
        """Whether a spot, or a sequence that holds it, is on the list of a profile."""
        around: Spot | None = spot
        while around is not None:
            if any(address.matches(around.path) for address in self.profile.tags):
                return True
            around = around.above
        return False

    def _stays_listed(self, spot: Spot) -> bool:
        """Whether a keep list lets a spot stay: it is on it, leads to what is, or no image can do without it."""
        written = spot.tags[0] in MARKS or spot.tags[0] == _EQUIPMENT
        if spot.is_creator or spot.tag in required_by_google() or written:
            return True
        return self._is_listed(spot) or any(address.leads_through(spot.path) for address in self.profile.tags)

    def _by_table(self, sop_class_uid: str, spot: Spot, vr: str) -> Demand:
        if spot.is_private:
            return self._private(spot, vr)
        if spot.tag in MARKS or not spot.tag & 0xFFFF:
            return Demand(Want.FREE, "written by the profile")
        if spot.tag >> 24 in REPEATING:
            kept = self.profile.has("graphics")
            return Demand(Want.CLEAN if kept else Want.GONE, "repeating groups 50xx and 60xx")
        if (row := confidentiality_row(spot.tag, self.profile.edition)) is not None:
            return self._by_row(row, vr)
        return self._net(sop_class_uid, spot, vr)

    def _by_row(self, row: ConfidentialityRow, vr: str) -> Demand:
        if kept := self._taken(row, "K"):
            return Demand(Want.FREE if vr == "SQ" else Want.KEPT, f"option {kept.name}")
        if cleaned := self._taken(row, "C"):
            shifted = cleaned.name == "modified-dates" and vr in _DATES
            return Demand(Want.SHIFTED if shifted else Want.CLEAN, f"option {cleaned.name}")
        want = _BASIC.get(row.basic, Want.CHANGED)
        return Demand(want, f"Table E.1-1 {row.basic}", vr == "SQ" and want is Want.CHANGED)

    def _taken(self, row: ConfidentialityRow, action: str) -> Option | None:
        """Return the first option in force that does an action with a row."""
        return next((o for o in self.options if row.actions.get(o.column) == action), None)

    def _private(self, spot: Spot, vr: str) -> Demand:
        if spot.is_creator:
            return Demand(Want.FREE, "judged with what is in its block")
        key = spot.tag >> 16, spot.creator, spot.tag & 0xFF
        if key in {(entry.group, entry.creator, entry.element) for entry in self.profile.private if entry.keep}:
            return Demand(Want.FREE, "the site vouches for it")
        if not self.profile.has("safe-private"):
            return Demand(Want.GONE, "Table E.1-1, private attributes: X")
        if key not in safe_rows():
            return Demand(Want.GONE, "private, and on no safe list")
        return self._dates(vr) if vr in _DATES else Demand(Want.FREE, "option safe-private")

    def _dates(self, vr: str) -> Demand:
        """Judge a date that the table lacks by the options that are about dates."""
        if self.profile.has("full-dates") or (self.profile.has("modified-dates") and vr == "TM"):
            return Demand(Want.FREE, "dates that are kept")
        if self.profile.has("modified-dates"):
            return Demand(Want.SHIFTED, "option modified-dates")
        return Demand(Want.CHANGED, "dates that the table lacks")

    def _net(self, sop_class_uid: str, spot: Spot, vr: str) -> Demand:
        """Judge what the table lacks, by its group and VR."""
        group = spot.tag >> 16
        if group == _PATIENT or group < _FIRST_GROUP:
            return Demand(Want.GONE, f"group {group:04X} as a whole")
        if vr in _DATES:
            return self._dates(vr)
        if vr == "PN":
            return Demand(Want.CHANGED, "names of persons that the table lacks")
        if vr == "UR":
            return Demand(Want.CHANGED, "addresses that the table lacks")
        if vr in _BULK and group != _PIXELS and not self._is_structured(sop_class_uid, spot):
            return Demand(Want.GONE, "bytes of no known structure")
        if vr == "UI":
            free = names_a_class(spot.tag) or self.profile.has("uids")
            return Demand(Want.FREE if free else Want.MAPPED, "UIDs that the table lacks")
        return Demand(Want.CLEAN if vr in TEXT_VRS else Want.FREE, "not in the table")

    def _is_structured(self, sop_class_uid: str, spot: Spot) -> bool:
        """Whether the standard says what bytes are: of an attribute of the IOD, or of any where that is unknown."""
        found = self.type_of(sop_class_uid, spot)
        return bool(keyword_for_tag(spot.tag)) if found is None else found != ""


def _by_settings(method: str) -> Want:
    """Return what is wanted of a method with settings, by which a value may come out as it was (partial dates)."""
    return {"remove": Want.GONE, "keep": Want.KEPT, "refreshUID": Want.MAPPED}.get(method, Want.FREE)


def _forced(spot: Spot, vr: str, above: Demand) -> Demand:
    """Judge what is in a sequence whose content has to change: what holds it together may stay, and code strings."""
    if vr == "SQ":
        return Demand(Want.FREE, above.why, forced=spot.tag not in _STRUCTURE)
    return Demand(Want.FREE if vr not in _TELLING or spot.tag in _SCHEMES else Want.CHANGED, above.why)


@cache
def names_a_class(tag: int) -> bool:
    """Whether a UID names a class, a syntax or a list of the standard or of a maker, and nobody's images."""
    keyword = keyword_for_tag(tag)
    told = ("ClassUID", "SyntaxUID", "SchemeUID", "ResourceUID", "ContextUID", "ClassesUID", "ContextGroupUID")
    return any(part in keyword for part in told) or keyword in ("MappingResourceUID", "ContextUID")
