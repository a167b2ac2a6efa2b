"""Who is named by the headers of a set: a text of one object may name whom only another object tells of."""

from __future__ import annotations

from dataclasses import dataclass, field

from derive.deidentification.run.subjects import patient_of
from derive.deidentification.text.identifiers import DATE, UID, Identifier, identifiers_of
from derive.elements.instance import Instance

#: Kinds that patterns find, whoever's they are; they differ from object to object, and would be looked for anew.
_BY_PATTERN = frozenset([DATE, UID])


@dataclass
class KnownIdentifiers:
    """Remembers the identifiers of each patient, over all objects of a set: as much as there are patients."""

    _of: dict[str, frozenset[Identifier]] = field(default_factory=dict)
    _last: tuple[Instance, frozenset[Identifier], frozenset[Identifier]] | None = field(default=None, repr=False)

    def __getstate__(self) -> dict[str, object]:
        """Go to another process without the object that was asked last."""
        return {"_of": self._of, "_last": None}

    def seen(self, instance: Instance) -> None:
        """Hear of an object, before the first one is changed."""
        found, patient = _lasting(identifiers_of(instance)), patient_of(instance)
        before = self._of.get(patient)
        if before is None or not found <= before:
            self._of[patient] = found | (before or frozenset())

    def of(self, instance: Instance) -> frozenset[Identifier]:
        """Return by what the patient of an object is named, and who is around: here, and in the objects seen.

        Dates and UIDs are not among them: patterns find them, whoever's they are.
        """
        return self._asked(instance)[1]

    def within(self, instance: Instance) -> frozenset[Identifier]:
        """Return those, and the dates and UIDs of the object itself."""
        return self._asked(instance)[2]

    def _asked(self, instance: Instance) -> tuple[Instance, frozenset[Identifier], frozenset[Identifier]]:
        """An object is asked again for each of its texts: what was found of the last one is kept."""
        last = self._last
        if last is None or last[0] is not instance:
            own = identifiers_of(instance)
            found = _lasting(own)
            known = self._of.get(patient_of(instance))
            named = found if known is None else known if found <= known else known | found
            last = self._last = instance, named, named | own
        return last


def _lasting(own: frozenset[Identifier]) -> frozenset[Identifier]:
    return frozenset(i for i in own if i.kind not in _BY_PATTERN)
