"""Who a patient is called by afterwards."""

from __future__ import annotations

import base64
from dataclasses import dataclass

from derive.deidentification.keys import KeyedSecrets
from derive.elements.instance import Instance


def patient_of(instance: Instance) -> str:
    """Return the text by which objects of one patient are told: the Patient ID; the study of one that names nobody."""
    said = instance.lenient
    return said.text("PatientID") or f"study {said.text('StudyInstanceUID')}"


@dataclass(frozen=True)
class KeyedSubjects:
    """New names by the key: the same patient is called the same in every run with it.

    Parameters
    ----------
    secrets : KeyedSecrets
    """

    secrets: KeyedSecrets

    def patient_id(self, instance: Instance) -> str:
        """Return the new Patient ID of an object."""
        digest = self.secrets.digest("patient", patient_of(instance).encode())
        return "P" + base64.b32encode(digest[:10]).decode()

    def patient_name(self, instance: Instance) -> str:
        """Return the new Patient's Name of an object."""
        return self.patient_id(instance)
