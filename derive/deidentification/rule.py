"""A rule of the user's own: an address, a method, and its settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from derive.rewriting.stored import AttributePath


@dataclass(frozen=True)
class Address:
    """Which attributes a rule is for.

    Parameters
    ----------
    text : str
        As it was given: a keyword, ``(0010,0010)``, ``0010,0010``, ``00100010``, a mask ``(50xx,xxxx)``, a VR
        (``PN``), a private attribute by its creator ``(0029,"SIEMENS CSA HEADER",10)``, and any of them behind the
        sequences that hold it, joined by a dot (``RequestAttributesSequence.AccessionNumber``).
    """

    text: str

    def matches(self, path: AttributePath) -> bool:
        """Whether an attribute is one of those."""
        return path.text == self.text


@dataclass(frozen=True)
class Rule:
    """What a person wants to become of some attributes.

    Parameters
    ----------
    address : Address
    method : str
        A name of :data:`derive.deidentification.methods.METHODS`.
    settings : mapping of str to object
        Of the method.
    told : str
        Where the rule stands, for the report: ``rule 3 of site.toml``.
    why : str
        The reason that its author gives.
    """

    address: Address
    method: str
    settings: Mapping[str, object] = field(default_factory=dict, hash=False)
    told: str = "rule"
    why: str = ""
