"""Values that whoever has the key can read again (optional: ``pip install 'dicom-derive[encrypt]'``).

The same value becomes the same text in every object: otherwise the images of a series would be of as many patients.
It is AES-SIV (RFC 5297), which is made for that, written as base64 without padding, whose = would part a name. The
dialect ``microsoft`` is AES-CBC with the initialization vector in front, in plain base64, which their tool can read;
its vector follows of the value and is not random, for the same reason.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import TYPE_CHECKING

from derive.deidentification.engine.here import Here
from derive.deidentification.methods.dates import MICROSOFT, checked_dialect
from derive.deidentification.methods.registry import method
from derive.deidentification.methods.values import text_element, texts_of
from derive.deidentification.run.keys import KeyedSecrets
from derive.elements.element import Element
from derive.errors import UsageError, ValuesError
from derive.standard.value_syntax import fault

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESSIV

_PURPOSE = "encrypt"
_BLOCK = 16
_NEEDED = "'encrypt' needs the package cryptography: pip install 'dicom-derive[encrypt]'"


def _checked(settings: Mapping[str, object]) -> None:
    checked_dialect(settings)
    try:
        import cryptography  # noqa: F401 - whether it is there
    except ImportError as error:
        raise UsageError("DEID-ENCRYPT", _NEEDED) from error


@method("encrypt", "LO", "LT", "OB", "PN", "ST", "UC", "UN", "UT", check=_checked, dialect=str)
def encrypt(element: Element, here: Here) -> Element | None:
    """Encrypt it, each value by itself.

    Raises
    ------
    ValuesError
        ``DEID-ENCRYPT`` for a value that is longer afterwards than its VR holds.
    """
    if not element.stripped():
        return element
    seal = _microsoft if here.settings.get("dialect") == MICROSOFT else _sealed
    secrets = here.run.secrets
    if element.vr in ("OB", "UN"):
        sealed = seal(element.value, secrets)
        return element._replace(value=sealed + b"\0" * (len(sealed) % 2))
    made = [
        text and _written(seal(text.encode(), secrets), seal is _microsoft)
        for text in texts_of(element, here.encodings)
    ]
    if any(wrong := fault(element.vr, text) for text in made):
        raise ValuesError(
            "DEID-ENCRYPT",
            f"{element.keyword} ({element.vr}) cannot hold its encrypted value: it {wrong}; wanted 'cryptoHash' or "
            "'substitute' for it",
        )
    return text_element(element, made, here.encodings)


def decrypted(text: str, secrets: KeyedSecrets) -> str:
    """Return what a value was before ``encrypt``, of no dialect.

    Parameters
    ----------
    text : str
    secrets : KeyedSecrets
        Of the same key.

    Raises
    ------
    ValuesError
        ``DEID-ENCRYPT`` for what was not encrypted with this key.
    """
    from cryptography.exceptions import InvalidTag

    try:
        sealed = base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
        return _cipher(secrets).decrypt(sealed, None).decode()
    except (InvalidTag, ValueError) as error:
        raise ValuesError("DEID-ENCRYPT", "the value was not encrypted with this key, or was changed since") from error


def _written(sealed: bytes, padded: bool) -> str:
    return base64.b64encode(sealed).decode() if padded else base64.urlsafe_b64encode(sealed).decode().rstrip("=")


def _cipher(secrets: KeyedSecrets) -> AESSIV:
    from cryptography.hazmat.primitives.ciphers.aead import AESSIV

    return AESSIV(secrets.digest(_PURPOSE, b"", "sha512"))


def _sealed(value: bytes, secrets: KeyedSecrets) -> bytes:
    return _cipher(secrets).encrypt(value, None)


def _microsoft(value: bytes, secrets: KeyedSecrets) -> bytes:
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
    from cryptography.hazmat.primitives.padding import PKCS7

    vector = secrets.digest(_PURPOSE, value)[:_BLOCK]
    padder = PKCS7(8 * _BLOCK).padder()
    encryptor = Cipher(algorithms.AES(secrets.microsoft_key()), modes.CBC(vector)).encryptor()
    return vector + encryptor.update(padder.update(value) + padder.finalize()) + encryptor.finalize()
