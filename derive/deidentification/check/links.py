"""What only a set shows: which UID became which, and by how many days the dates of a patient were moved."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass
class Links:
    """What was seen of a set so far. It remembers.

    Parameters
    ----------
    new : dict of str to str
        What each UID of the originals became.
    old : dict of str to str
        What each new UID was.
    days : dict of str to int
        By which patient of the originals: how many days the first date was moved.
    originals : set of str
        SOP Instance UIDs of the originals.
    gone : list of (str, str, str)
        References that are not there: the UID, where it stood, and in which file.
    clashes : list of (str, str, str)
        What two parts of a set, checked apart, say differently: a code of a violation, path and file.
    """

    new: dict[str, str] = field(default_factory=dict)
    old: dict[str, str] = field(default_factory=dict)
    days: dict[str, int] = field(default_factory=dict)
    originals: set[str] = field(default_factory=set)
    gone: list[tuple[str, str, str]] = field(default_factory=list)
    clashes: list[tuple[str, str, str]] = field(default_factory=list)

    def became(self, old: str, new: str) -> str:
        """Note what a UID became; return the code of a violation where it, or another, had become something else."""
        if self.new.setdefault(old, new) != new:
            return "DCK-UID-SPLIT"
        if self.old.setdefault(new, old) != old:
            return "DCK-UID-MERGED"
        return ""

    def moved(self, patient: str, days: int) -> str:
        """Note by how many days a date was moved; return the code of a violation where others were moved otherwise."""
        return "DCK-SHIFT" if self.days.setdefault(patient, days) != days else ""

    def lost(self) -> Iterable[tuple[str, str]]:
        """Give path and file of each reference that is gone and led to an object of the set."""
        return ((path, file) for uid, path, file in self.gone if uid in self.originals)

    def join(self, other: Links) -> None:
        """Add what was seen of another part of the set."""
        for old, new in other.new.items():
            if code := self.became(old, new):
                self.clashes.append((code, "", ""))
        for patient, days in other.days.items():
            if code := self.moved(patient, days):
                self.clashes.append((code, "", ""))
        self.originals |= other.originals
        self.gone += other.gone
        self.clashes += other.clashes
