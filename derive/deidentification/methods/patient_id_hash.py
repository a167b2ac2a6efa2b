"""A Patient ID by its digest: whoever has the ID and the key can find the patient again, nobody else can."""

from __future__ import annotations

import hashlib
import uuid

from derive.deidentification.engine.here import Here
from derive.deidentification.methods.registry import method
from derive.deidentification.methods.values import text_element
from derive.elements.element import Element
from derive.elements.instance import Instance


@method("patientIdHash", "LO", dialect=str)
def patient_id_hash(element: Element, here: Here) -> Element | None:
    """Put a UUID in its place that follows from the ID and its issuer (option ``patient-id-hash``).

    In the dialect ``dcm4chee`` it is the one that dcm4chee makes: an MD5 of both without a key (a UUID of version 3
    without a name space), from which anybody who guesses an ID can tell that it is right.
    """
    if not element.stripped():
        return element
    identity = identity_of(here.instance).encode()
    if here.settings.get("dialect") == "dcm4chee":
        new = uuid.UUID(bytes=hashlib.md5(identity, usedforsecurity=False).digest(), version=3)
    else:
        new = uuid.UUID(bytes=here.run.secrets.digest("patient id", identity)[:16], version=4)
    return text_element(element, str(new), here.encodings)


def identity_of(instance: Instance) -> str:
    """Return the Patient ID with its issuer as dcm4che writes them: ``ID^^^NAMESPACE&UNIVERSAL&TYPE^CODE``.

    Examples
    --------
    >>> from derive.elements.encoding import encode
    >>> said = [encode("PatientID", "4711"), encode("IssuerOfPatientID", "GH")]
    >>> identity_of(Instance("an instance", {e.tag: e for e in said}))
    '4711^^^GH'
    """
    said = instance.lenient
    qualifiers = next(iter(said.items("IssuerOfPatientIDQualifiersSequence")), Instance("no item", {}))
    issuer = [
        said.text("IssuerOfPatientID"),
        qualifiers.text("UniversalEntityID"),
        qualifiers.text("UniversalEntityIDType"),
    ]
    code = qualifiers.text("IdentifierTypeCode")
    told = said.text("PatientID")
    if not any(issuer) and not code:
        return told
    return f"{told}^^^{'&'.join(issuer).rstrip('&')}" + (f"^{code}" if code else "")
