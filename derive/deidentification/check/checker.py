"""The checker: every written file beside its original, and the set as a whole."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from derive.deidentification.check.demands import Demands
from derive.deidentification.check.legal import legal_violations
from derive.deidentification.check.links import Links
from derive.deidentification.check.marks import file_violations, mark_violations
from derive.deidentification.check.needles import SearchedText, Searcher
from derive.deidentification.check.pair import Pair
from derive.deidentification.check.patterns import pattern_violations
from derive.deidentification.check.privates import creator_violations
from derive.deidentification.check.search import identifier_violations
from derive.deidentification.check.spots import Spots
from derive.deidentification.check.stored_values import pixel_violations
from derive.deidentification.check.values import value_violations
from derive.deidentification.check.violation import Violation, violation
from derive.deidentification.check.walk import NoWalk, Walked, walk
from derive.deidentification.profile.profile import Profile
from derive.deidentification.text.identifiers import Identifier

_UIDS = re.compile(rb"[0-2](?:\\.(?:0|[1-9][0-9]*)){3,}")
#: All that is judged of a file: a function each.
JUDGES: tuple[Callable[[Pair, Links], Iterator[Violation]], ...] = (
    value_violations,
    legal_violations,
    creator_violations,
    mark_violations,
    file_violations,
    pixel_violations,
    identifier_violations,
    pattern_violations,
)


class DeidChecker:
    """The check of what a de-identification wrote. It remembers what it saw of the set.

    Parameters
    ----------
    profile : Profile
        What was asked for.
    identifiers : iterable of Identifier, optional
        Of all objects of the set: what none of the written files may hold.

    Notes
    -----
    It shares nothing with the engine but the tables of the standard and the harvest of identifiers: it walks through
    the files itself, and reads from the tables itself what has to become of an attribute.
    """

    def __init__(self, profile: Profile, identifiers: Iterable[Identifier] = ()) -> None:
        self.demands = Demands(profile)
        self.searcher = Searcher(self.demands, identifiers)
        self.spots = Spots()
        self.links = Links()

    def pair(self, original: bytes, output: bytes, file: str = "", *, vouched: bool = False) -> tuple[Violation, ...]:
        """Judge a written file beside its original.

        Parameters
        ----------
        original, output : bytes
            Whole files.
        file : str
            Name of the written one, for violations.
        vouched : bool
            Whether a person, or a method that decides nothing by chance, answers for its pixels.
        """
        try:
            before: Walked | None = walk(original, self.spots)
        except NoWalk:
            before = None
        return self._judged(before, output, file, vouched=vouched)

    def foreign(self, data: bytes, file: str = "") -> tuple[Violation, ...]:
        """Search a file that is no object of the set, a directory of media or no DICOM at all, for its identifiers."""
        named = any(self.searcher.others.found_in(SearchedText(data)))
        old = any(uid in self.searcher.uids for uid in _UIDS.findall(data))
        return (violation("DCK-IDENTIFIER", "", "in a file that is no object", file),) if named or old else ()

    def alone(self, output: bytes, file: str = "") -> tuple[Violation, ...]:
        """Judge a written file whose original nobody has, by what it says itself."""
        found = self._judged(None, output, file)
        return (*found, violation("DCK-NO-ORIGINAL", "", "", file))

    def _judged(
        self, original: Walked | None, output: bytes, file: str, *, vouched: bool = False
    ) -> tuple[Violation, ...]:
        try:
            after = walk(output, self.spots)
        except NoWalk:
            return (violation("DCK-READ", "", "", file),)
        pair = Pair(original, after, self.demands, self.searcher, file, vouched)
        found = [v for judge in JUDGES for v in judge(pair, self.links)]
        if not after.as_written:
            found.append(violation("DCK-READ", "", "only pydicom reads it", file))
        return tuple(dict.fromkeys(found))

    def finish(self) -> tuple[Violation, ...]:
        """Judge the set as a whole: what became of references between its objects."""
        clashes = (violation(code, path, "", file) for code, path, file in self.links.clashes)
        lost = (violation("DCK-REFERENCE", path, "", file) for path, file in self.links.lost())
        return tuple(dict.fromkeys((*clashes, *lost)))
