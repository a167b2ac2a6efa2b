"""Who is named by the headers of a set: a text of one object may name whom only another object tells of."""

from __future__ import annotations

from dataclasses import dataclass, field

from derive.deidentification.subjects import patient_of
from derive.deidentification.text.identifiers import DATE, UID, Identifier, identifiers_of
from derive.elements.instance import Instance

#: Kinds that patterns find, whoever's they are; they differ from object to object, and would be looked for anew.
_BY_PATTERN = frozenset([DATE, UID])


@dataclass
class KnownIdentifiers:
    """Remembers the identifiers of each patient, over all objects of a set: as much as there are patients."""

    _of: dict[str, frozenset[Identifier]] = field(default_factory=dict)

    def seen(self, instance: Instance) -> None:
        """Hear of an object, before the first one is changed."""
        found, patient = _told(instance), patient_of(instance)
        before = self._of.get(patient)
        if before is None or not found <= before:
            self._of[patient] = found | (before or frozenset())

    def of(self, instance: Instance) -> frozenset[Identifier]:
        """Return by what the patient of an object is named, and who is around: here, and in the objects seen."""
        found = _told(instance)
        known = self._of.get(patient_of(instance))
        return found if known is None else known if found <= known else known | found


def _told(instance: Instance) -> frozenset[Identifier]:
    return frozenset(i for i in identifiers_of(instance) if i.kind not in _BY_PATTERN)
