"""What becomes of one attribute: the steps of the decision, one function each, in the order in which they are asked.

The first step that has an answer decides. None of them sees the value: a method does, later.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Final

from pydicom.datadict import dictionary_VR

from derive import standard
from derive.deidentification.engine.ruling import Ruling
from derive.deidentification.methods import METHODS
from derive.deidentification.private.decide import private_ruling
from derive.deidentification.private.told import told
from derive.deidentification.profile.bases import base_action
from derive.deidentification.profile.needed import is_spared
from derive.deidentification.profile.profile import Profile, options
from derive.deidentification.profile.rule import Rule
from derive.deidentification.run.uids import names_a_kind
from derive.deidentification.text.content import VALUES
from derive.elements.element import keyword_of, tag_of
from derive.elements.instance import Instance
from derive.errors import ValuesError
from derive.rewriting.stored import AttributePath
from derive.standard.vr import TEXT_VRS

_PATIENT = 0x0010
_NAMES: Final = (tag_of("PatientID"), tag_of("PatientName"))
#: Groups that repeat (PS3.5 7.6): curves and overlays, which go as a whole.
_CURVES, _OVERLAYS = 0x50, 0x60
#: What files have no business with: commands, File Meta Information, directories, and lengths of groups.
_FOREIGN_GROUPS = frozenset({0x0000, 0x0002, 0x0004})
_DATES = frozenset({"DA", "DT", "TM"})
#: Values that nobody can look into.
_UNSTRUCTURED = frozenset({"OB", "OW", "UN"})
_TEXTS = frozenset({"LO", "SH", "ST", "LT", "UT", "UC"})
#: How a ruling tells that a row of Table E.3.4-1 keeps a content item by an option.
_IN_TABLE = "retain_"
#: Types that have to be there, and those that also have to have a value.
_REQUIRED, _FILLED = frozenset({"1", "1C", "2", "2C"}), frozenset({"1", "1C"})


@dataclass(frozen=True)
class Question:
    """An attribute of which has to be decided what becomes.

    Parameters
    ----------
    path : AttributePath
    instance : Instance
        That holds it; asked for its class, and for what it says of its private attributes.
    profile : Profile
    sop_class_uid : str
    forced : str
        What the sequence that holds it was ruled to be: ``D``, or the name of a cleaner; empty for nothing.
    item : Ruling, optional
        Of the content item that it stands in.
    """

    path: AttributePath
    instance: Instance
    profile: Profile
    sop_class_uid: str
    forced: str = ""
    item: Ruling | None = None

    @property
    def type(self) -> str | None:
        """Type of the attribute in this IOD; empty for one that it does not have, None where nobody knows."""
        return standard.type_of(self.sop_class_uid, self.path.tags)


def decided(question: Question) -> Ruling:
    """Return what becomes of an attribute."""
    for step in STEPS:
        ruling = step(question)
        if ruling is not None:
            return _fitted(ruling, question)
    raise AssertionError("the last step answers always")


def by_rule(question: Question) -> Ruling | None:
    """Rules of the user's own: the first that matches; of what an object cannot be without none takes anything away."""
    for rule in question.profile.rules:
        if rule.address.matches(question.path) and not is_spared(question.path, rule.method):
            _refuse_other_vrs(rule, question)
            action = _LETTERS.get(rule.method, "C")
            return Ruling(action, rule.method, rule.settings, f"{rule.told}: {rule.why}" if rule.why else rule.told)
    return None


def _refuse_other_vrs(rule: Rule, question: Question) -> None:
    """A rule that cannot be followed is said, as Microsoft's tool does: the profile's own way may be another."""
    path = question.path
    if path.vr != "SQ" and not METHODS[rule.method].is_for(path.vr):
        raise ValuesError(
            "DEID-METHOD",
            f"{rule.told}: {rule.method} is not for {told(path, question.profile)}, which is {path.vr}; "
            f"it is for {', '.join(sorted(METHODS[rule.method].vrs))}; a rule before it can say another method",
        )


def by_base(question: Question) -> Ruling | None:
    """A base other than the Basic Profile."""
    return base_action(question.path, question.sop_class_uid, question.profile)


def by_content_item(question: Question) -> Ruling | None:
    """The value of a content item, by the concept name of the item."""
    ruling, kind = question.item, question.path.vr
    if ruling is None or question.path.tag not in VALUES:
        return None
    if ruling.action not in ("K", "C"):
        return ruling
    # An item may hold what its value type does not tell of: a name among numbers is still a name.
    if kind == "PN":
        return Ruling.of("D", ruling.why)
    if kind in _DATES:
        return replace(_of_date(question), why=ruling.why)
    if kind == "UI" and not (ruling.action == "K" and _IN_TABLE in ruling.why):
        return Ruling.of("K" if question.profile.has("uids") else "U", ruling.why)
    return ruling


def by_encoding(question: Question) -> Ruling | None:
    """What no data set has: lengths of groups, and groups of other things."""
    tag = question.path.tag
    if tag & 0xFFFF == 0 or (tag >> 16 in _FOREIGN_GROUPS) or tag == 0x00080001:
        return Ruling.of("X", "not of a data set")
    return None


def by_private(question: Question) -> Ruling | None:
    """Private attributes, by who defines them; those in a sequence too."""
    if not question.path.is_private:
        return None
    return private_ruling(question.path, question.profile, question.instance)


def by_repeating_group(question: Question) -> Ruling | None:
    """Curves and overlays: a whole group goes, or all of it is cleaned."""
    group = question.path.tag >> 24
    if group not in (_CURVES, _OVERLAYS):
        return None
    cleaner = _cleaner(question.profile, "graphics")
    if cleaner:
        return Ruling("C", cleaner, why="clean_graphics: C")
    return Ruling.of(
        "X", f"basic {question.profile.edition}: {'curves' if group == _CURVES else 'overlays'} go as a whole"
    )


def by_subject(question: Question) -> Ruling | None:
    """Patient ID and Patient's Name get the new ones; at every depth."""
    if question.path.tag in _NAMES:
        return Ruling("D", "subject", why=f"basic {question.profile.edition}: the new one of this patient")
    return None


def by_option(question: Question) -> Ruling | None:
    """Table E.1-1, the options in force: keep before clean."""
    row = standard.confidentiality_row(question.path.tag, question.profile.edition)
    if row is None:
        return None
    for option in question.profile.columns:
        if row.actions.get(option.column) == "K":
            return Ruling.of("K", f"{option.column}: K")
    for option in question.profile.columns:
        if row.actions.get(option.column) == "C" and option.cleaner in METHODS:
            return Ruling("C", option.cleaner, why=f"{option.column}: C")
    return None


def by_dependence(question: Question) -> Ruling | None:
    """What may only be there beside something else goes where all of that goes or is emptied."""
    others, section = dependents().get(question.path.tag, ((), ""))
    if others and all(decided(_beside(question, other)).action in ("X", "Z") for other in others):
        beside = " and ".join(keyword_of(other) for other in others)
        return Ruling.of("X", f"may only be there beside {beside}, which goes (PS3.3 {section})")
    return None


def _beside(question: Question, tag: int) -> Question:
    """Ask the same of another attribute of the same data set or item."""
    return replace(question, path=AttributePath(tag, dictionary_VR(tag), above=question.path.above))


def by_table(question: Question) -> Ruling | None:
    """Table E.1-1, the Basic Profile, by the type that the attribute has."""
    row = standard.confidentiality_row(question.path.tag, question.profile.edition)
    if row is None:
        return None
    action = resolved(row.basic, question.type)
    because = f", type {question.type or 'unknown'}" if action != row.basic else ""
    return Ruling.of(action, f"basic {question.profile.edition}: {row.basic}{because}")


def by_force(question: Question) -> Ruling | None:
    """The content of a sequence that is replaced or cleaned as a whole, where it is not structure."""
    path = question.path
    if not question.forced or path.vr == "SQ" or structure().get(path.tag) == "structure":
        return None
    if question.forced != "D":
        is_text = path.vr in _TEXTS and structure().get(path.tag) != "code"
        return Ruling("C", question.forced, why="content of a cleaned sequence") if is_text else None
    if path.vr == "UI":
        kept = names_a_kind(path.tag)
        return Ruling.of("K" if kept else "U", "kind of a thing" if kept else "content of a replaced sequence")
    if path.vr in TEXT_VRS - {"CS", "AS", "IS"} or (path.vr in _UNSTRUCTURED and path.tag not in structure()):
        return Ruling.of("D", "content of a replaced sequence")
    return None


def by_kind(question: Question) -> Ruling:
    """What the table lacks, by its value representation."""
    path, kind = question.path, question.path.vr
    if path.tag >> 16 == _PATIENT:
        return Ruling.of(_goes(question.type), "group 0010 beyond the table")
    if kind in _DATES:
        return _of_date(question)
    if kind == "UI":
        named = names_a_kind(path.tag)
        uid = "K" if named or question.profile.has("uids") else "U"
        return Ruling.of(uid, "kind of a thing" if named else "UID beyond the table")
    if kind in ("PN", "AE"):
        return Ruling.of("D" if question.type in _FILLED else "Z", f"{kind} beyond the table")
    if kind == "UR" or (kind in _UNSTRUCTURED and structure().get(path.tag) != "bytes"):
        return Ruling.of("D" if question.type in _FILLED else "X", f"{kind} beyond the table")
    if (kind in _TEXTS or structure().get(path.tag) == "label") and "searchText" in METHODS:
        return Ruling("C", "searchText", why="text beyond the table")
    if kind == "CS" and path.tag not in structure():
        return Ruling("C", "searchLabel", why="code string beyond the table")
    return Ruling.of("K", "beyond the table")


def _of_date(question: Question) -> Ruling:
    """Dates that the table lacks follow what is wanted of those that it has."""
    if question.profile.has("full-dates"):
        return Ruling.of("K", "date beyond the table")
    if question.profile.has("modified-dates"):
        return Ruling("C", "dateShift", why="date beyond the table")
    return Ruling.of(_goes(question.type), "date beyond the table")


def _goes(kind: str | None) -> str:
    """How an attribute goes that nobody names: it stays present where its type asks for that."""
    if kind in _FILLED:
        return "D"
    return "Z" if kind in _REQUIRED or kind is None else "X"


def resolved(action: str, kind: str | None) -> str:
    """Return the one action that a composite one is for a type; what has to be there is never removed.

    Parameters
    ----------
    action : str
        Of Table E.1-1: ``X``, ``X/Z/D`` and the like.
    kind : str or None
        Type of the attribute: empty for one that the IOD does not have, None where nobody knows.

    Examples
    --------
    >>> resolved("X/Z/D", "1"), resolved("X/Z/D", "3"), resolved("X", "2"), resolved("X/D", None), resolved("Z", "1")
    ('D', 'X', 'Z', 'D', 'D')
    """
    if action == "X/Z/U*":
        return "U"
    if action in ("D", "U", "K"):
        return action
    if kind in _FILLED:
        return "D"
    if kind is None:
        return "D" if "D" in action else ("Z" if "Z" in action else "X")
    if kind in _REQUIRED:
        return "D" if action == "X/D" else "Z"
    return "X" if "X" in action else "Z"


def _fitted(ruling: Ruling, question: Question) -> Ruling:
    """A UID is never a dummy without identity: it is mapped; one that is kept is kept."""
    if question.path.vr == "UI" and ruling.action == "D":
        return Ruling.of("U", ruling.why)
    return ruling


def _cleaner(profile: Profile, option: str) -> str:
    """The method that cleans for an option, where it is in force and there is one; empty else."""
    name = options()[option].cleaner
    return name if profile.has(option) and name in METHODS else ""


@cache
def structure() -> dict[int, str]:
    """Return what is not looked into (``bytes``), what holds a tree together (``structure``), codes and labels."""
    text = files(__package__).joinpath("structure.tsv").read_text(encoding="utf-8")
    return {tag_of(line.split("\t")[0]): line.split("\t")[1] for line in text.splitlines()[1:]}


@cache
def dependents() -> dict[int, tuple[tuple[int, ...], str]]:
    """Return the attributes without which another may not be there, and where that is said, by its tag."""
    text = files(__package__).joinpath("dependents.tsv").read_text(encoding="utf-8")
    rows = [line.split("\t") for line in text.splitlines()[1:]]
    return {tag_of(keyword): (tuple(map(tag_of, others.split())), section) for keyword, others, section in rows}


_LETTERS = {"keep": "K", "remove": "X", "redact": "Z", "replace": "D", "substitute": "D", "refreshUID": "U"}
#: Asked one after the other; the last one answers always.
STEPS: tuple[Callable[[Question], Ruling | None], ...] = (
    by_encoding,
    by_rule,
    by_base,
    by_content_item,
    by_private,
    by_repeating_group,
    by_subject,
    by_option,
    by_dependence,
    by_table,
    by_force,
    by_kind,
)
