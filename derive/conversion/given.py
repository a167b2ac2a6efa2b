"""Whose a volume is: the patient and the study that a person states."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

from pydicom.charset import convert_encodings, default_encoding, python_encoding

from derive import standard
from derive.authoring.presence import EXCLUDED, excluded
from derive.authoring.settable import checked_attributes, is_pulled
from derive.elements.charset import fits, is_text
from derive.elements.element import Element
from derive.elements.encoding import encode
from derive.elements.legal import problem
from derive.errors import UsageError
from derive.model.classes import IDENTITY
from derive.standard import Iod
from derive.told.wording import flag, spoken

UTF8 = "ISO_IR 192"
#: What other words decide.
DECIDED = {
    "SOPClassUID": "{flag:modality} and {flag:kind}",
    "Modality": "{flag:modality}",
    "Units": "{flag:units}",
    "RescaleType": "{flag:values} and {flag:units}",
    "SpecificCharacterSet": "{flag:character_set}",
}
SAID = "said by the caller"


@dataclass(frozen=True)
class Patient:
    """Who it is.

    Parameters
    ----------
    id, name : str
        Patient ID and Patient's Name, the name as family^given^middle^prefix^suffix (PS3.5 6.2).
    birth_date : str
        As 19700131; empty where it is not known.
    sex : str
        M, F, O, or empty.
    """

    id: str
    name: str
    birth_date: str = ""
    sex: str = ""

    @property
    def attributes(self) -> dict[str, str]:
        """Keyword and value of what is said."""
        named = {"PatientID": self.id, "PatientName": self.name}
        return named | _said({"PatientBirthDate": self.birth_date, "PatientSex": self.sex})


@dataclass(frozen=True)
class Study:
    """What study it is of; a new one where no UID is given.

    Parameters
    ----------
    description, id, date, time, accession_number, referring_physician : str
        Empty where they are not known.
    uid : str
        Study Instance UID of a study that exists.
    frame_of_reference_uid : str
        Frame of Reference UID of a space that exists.
    """

    description: str = ""
    id: str = ""
    date: str = ""
    time: str = ""
    accession_number: str = ""
    referring_physician: str = ""
    uid: str = ""
    frame_of_reference_uid: str = ""

    @property
    def attributes(self) -> dict[str, str]:
        """Keyword and value of what is said."""
        return _said({_KEYWORDS[f.name]: getattr(self, f.name) for f in fields(self)})


_KEYWORDS = {
    "description": "StudyDescription",
    "id": "StudyID",
    "date": "StudyDate",
    "time": "StudyTime",
    "accession_number": "AccessionNumber",
    "referring_physician": "ReferringPhysicianName",
    "uid": "StudyInstanceUID",
    "frame_of_reference_uid": "FrameOfReferenceUID",
}


def _said(values: Mapping[str, str]) -> dict[str, str]:
    return {k: v for k, v in values.items() if v}


@dataclass(frozen=True)
class Facts:
    """What stands in the new series because a person said so.

    Parameters
    ----------
    said : mapping keyword -> text
        By the caller.
    concluded : mapping keyword -> (text, rule)
        From what was said.
    character_set : str, optional
        Without one ASCII, or ISO_IR 192 where that does not do.
    encodings : tuple of str, optional
        Python names of the character set of a reference, which stays as it is.
    """

    said: Mapping[str, str]
    concluded: Mapping[str, tuple[str, str]]
    character_set: str | None = None
    encodings: tuple[str, ...] | None = None

    def elements(self, iod: Iod) -> tuple[dict[int, Element], dict[int, str]]:
        """Encode everything; return the elements, and by which rule each of them stands.

        Raises
        ------
        UsageError
            ``SET-CHARSET`` for text that the character set cannot say, ``SET-VALUE`` for what is not legal.
        """
        charset, encodings = self._encodings()
        texts = {k: (v, SAID) for k, v in self.said.items()} | dict(self.concluded)
        if charset:
            texts["SpecificCharacterSet"] = (charset, "said by the caller, or what the text needs")
        elements, rules = {}, {}
        for keyword, (text, rule) in texts.items():
            if keyword in iod.attributes:
                element = legal_element(iod, keyword, text, encodings)
                elements[element.tag], rules[element.tag] = element, rule
        return elements, rules

    def _encodings(self) -> tuple[str, Sequence[str]]:
        """Specific Character Set to write, empty for none, and its Python names."""
        chosen, encodings = ("", self.encodings) if self.encodings is not None else self._chosen()
        unfit = [k for k, v in self.said.items() if not _encodable(v, encodings)]
        if unfit:
            named = chosen or ("that of the reference" if self.encodings is not None else "ASCII")
            raise UsageError(
                "SET-CHARSET",
                f"the character set {named} cannot hold the text of {', '.join(sorted(unfit))}; {UTF8} holds all of "
                f"Unicode ({flag('character_set')}, where no reference decides)",
            )
        return chosen, encodings

    def _chosen(self) -> tuple[str, Sequence[str]]:
        chosen = self.character_set or ("" if all(map(str.isascii, self.said.values())) else UTF8)
        terms = chosen.split("\\") if chosen else []
        if any(term not in python_encoding for term in terms):
            raise UsageError("SET-CHARSET", f"{chosen!r} is no Specific Character Set, e.g. ISO_IR 192 or ISO_IR 100")
        return chosen, convert_encodings(terms) if terms else [default_encoding]


def _encodable(text: str, encodings: Sequence[str]) -> bool:
    return is_text(text) and fits(text, encodings)


def legal_element(iod: Iod, keyword: str, text: str, encodings: Sequence[str]) -> Element:
    """Encode the text of an attribute.

    Raises
    ------
    UsageError
        ``SET-VALUE`` if it is none that the attribute can have.
    """
    rule = iod.attributes[keyword]
    if rule.vr == "PN":
        _check_name(keyword, text)
    element = encode(keyword, text.split("\\") if "\\" in text and rule.vm != "1" else text, encodings)
    fault = problem(element, rule, standard.values(iod.name, keyword), encodings)
    if fault:
        raise UsageError("SET-VALUE", f"{keyword} ({rule.vr}): {fault}")
    return element


def _check_name(keyword: str, text: str) -> None:
    """A name without ^ is a family name; with a blank in it, it is more likely one as people write it."""
    if "^" not in text and " " in text.strip():
        raise UsageError("SET-NAME", f"{keyword} has blanks and no ^; wanted family^given, or family^ for a long one")


def new_patient(patient: Patient | None) -> dict[str, str]:
    """Return what is said of a patient, who has to be named.

    Raises
    ------
    UsageError
        ``GIV-PATIENT``.
    """
    if patient is None or not (patient.id.strip() and patient.name.strip(" ^=")):
        raise UsageError(
            "GIV-PATIENT",
            f"whose is it? Without a reference give {flag('patient')}; nobody is made up",
        )
    return patient.attributes


def split_settings(
    iod: Iod, settings: Mapping[str, str], *, of_identity: bool
) -> tuple[dict[str, str], Mapping[str, str]]:
    """Split what a caller sets into what is pulled from what was said, and what stands for itself.

    Parameters
    ----------
    iod : Iod
    settings : mapping keyword -> text
    of_identity : bool
        Whether the patient and the study are the caller's to describe.

    Raises
    ------
    UsageError
        As :func:`derive.authoring.settable.checked_attributes`.
    """
    for keyword in settings:
        if keyword in DECIDED:
            raise UsageError("SET-FORBIDDEN", f"{keyword} follows from {spoken(DECIDED[keyword])}; say it there")
        if keyword in excluded(iod):
            raise UsageError("SET-FORBIDDEN", f"{keyword} may not stand beside {EXCLUDED[keyword]} of {iod.name}")

    def is_said(keyword: str) -> bool:
        rule = iod.attributes.get(keyword)
        return rule is not None and is_pulled(rule) and (of_identity or rule.entity not in IDENTITY)

    said = {k: v for k, v in settings.items() if is_said(k)}
    return said, checked_attributes(iod, {k: v for k, v in settings.items() if k not in said})
