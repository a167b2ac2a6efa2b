"""One map of UIDs for a whole run: the same UID becomes the same new one in every object, and well-known ones stay."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from functools import cache

from pydicom._uid_dict import UID_dictionary

from derive.deidentification.keys import KeyedSecrets

#: Root of what the standard registers (PS3.5 9.1).
_DICOM_ROOT = "1.2.840.10008."


@cache
def _listed() -> frozenset[str]:
    return frozenset(UID_dictionary)


def is_well_known(uid: str) -> bool:
    """Whether a UID means the same to everybody (PS3.6 Annex A): classes, syntaxes, coding schemes, well-known spaces.

    Examples
    --------
    >>> is_well_known("1.2.840.10008.5.1.4.1.1.2"), is_well_known("1.2.840.113619.2.1")
    (True, False)
    """
    return uid.startswith(_DICOM_ROOT) or uid in _listed()


@dataclass(frozen=True)
class KeyedUids:
    """New UIDs by a key (HMAC into 2.25, PS3.5 B.2): nothing has to be kept, nobody without the key can test a guess.

    Parameters
    ----------
    secrets : KeyedSecrets
    """

    secrets: KeyedSecrets
    _known: dict[str, str] = field(default_factory=dict, repr=False, compare=False)

    def new(self, uid: str) -> str:
        """Return what a UID is replaced by: always the same, and a well-known one by itself."""
        uid = uid.strip(" \0")
        new = self._known.get(uid)
        if new is None:
            if len(self._known) >= _MOST_KEPT:
                self._known.clear()
            new = self._known[uid] = self._made(uid)
        return new

    def _made(self, uid: str) -> str:
        if not uid or is_well_known(uid):
            return uid
        return f"2.25.{uuid.UUID(bytes=self.secrets.digest('UID', uid.encode())[:16], version=5).int}"


#: New UIDs are remembered, which is faster than to compute them anew, up to so many.
_MOST_KEPT = 1 << 16
