"""The key of a run, and what is derived of it: nothing here gives the key itself.

It comes from the environment or from a file, never from a command line, which everybody on a machine can read. Without
one a run makes its own and forgets it: two runs then give a patient two new names.
"""

from __future__ import annotations

import hmac
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from derive.errors import UsageError
from derive.told.wording import flag

#: Bytes that a key has at least: of fewer all can be tried.
SHORTEST_KEY = 16
#: Of a random key.
_RANDOM_BYTES = 32
ALGORITHMS = ("sha256", "sha384", "sha512")
#: What Microsoft's function multiplies by.
_MICROSOFT_SEED = 131


@dataclass(frozen=True)
class KeyedSecrets:
    """Digests by one key.

    Parameters
    ----------
    key : bytes
    is_random : bool
        Whether nobody gave it and nothing keeps it: what is derived of it is then the same within this run only.

    Raises
    ------
    UsageError
        ``DEID-KEY`` for a key that is too short.
    """

    key: bytes = field(repr=False)
    is_random: bool = False
    _prepared: dict[tuple[str, str], hmac.HMAC] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if len(self.key) < SHORTEST_KEY:
            raise UsageError(
                "DEID-KEY",
                f"the key has {len(self.key)} bytes; wanted {SHORTEST_KEY} or more, or what was replaced can be found "
                f"by trying: 'openssl rand -hex 32' makes one, and {flag('key_env', 'NAME')} says where it is",
            )

    def digest(self, purpose: str, text: bytes, algorithm: str = "sha256") -> bytes:
        """Return the keyed digest (HMAC) of a text for one purpose: of others nothing follows from it."""
        prepared = self._prepared.get((purpose, algorithm))
        if prepared is None:
            key = hmac.digest(self.key, purpose.encode(), "sha256")
            prepared = self._prepared[purpose, algorithm] = hmac.new(key, digestmod=algorithm)
        made = prepared.copy()
        made.update(text)
        return made.digest()

    def __getstate__(self) -> dict[str, Any]:
        """What another process is given: what is prepared it prepares itself."""
        return self.__dict__ | {"_prepared": {}}

    def number(self, purpose: str, text: bytes) -> int:
        """Return a number of 64 bits that follows of a text for one purpose."""
        return int.from_bytes(self.digest(purpose, text)[:8], "big")

    def microsoft_digest(self, text: bytes, algorithm: str = "sha256") -> bytes:
        """Return the digest by the key itself, for whatever purpose, as Microsoft's cryptoHash has it."""
        return hmac.digest(self.key, text, algorithm)

    def microsoft_days(self, prefix: str, most_days: int) -> int:
        """Return the shift that Microsoft's dateShift gives to what a prefix (a UID) names."""
        return microsoft_days(prefix, self.key, most_days)

    def microsoft_key(self) -> bytes:
        """Return the key of AES as Microsoft's encrypt has it: its characters.

        Raises
        ------
        UsageError
            ``DEID-KEY`` for a key of another length than AES has.
        """
        if len(self.key) not in (16, 24, 32):
            raise UsageError("DEID-KEY", f"the key has {len(self.key)} bytes; Microsoft's encrypt wants 16, 24 or 32")
        return self.key


def microsoft_days(prefix: str, key: bytes, most_days: int) -> int:
    """Return days from -most to most, as Microsoft's function computes them of a prefix and a key.

    Examples
    --------
    >>> microsoft_days("1.2.3", b"123", 50), microsoft_days("", b"", 50)
    (-20, -50)
    """
    offset = 0
    for byte in prefix.encode() + key:
        offset = (offset * _MICROSOFT_SEED + byte) % (2 * most_days + 1)
    return offset - most_days


def secrets_of(key: str | bytes | None = None, key_env: str = "", key_file: Path | None = None) -> KeyedSecrets:
    """Return the secrets of a run, by the key that was given; by a random one where none was.

    Parameters
    ----------
    key : str or bytes, optional
        The key itself, for whoever calls from Python.
    key_env : str
        Name of the environment variable that holds it.
    key_file : Path, optional
        File that holds it; a line feed at its end is none of it.

    Raises
    ------
    UsageError
        ``DEID-KEY`` for a key that is not there, is said twice, or is too short.
    """
    if sum(said not in (None, "") for said in (key, key_env, key_file)) > 1:
        raise UsageError("DEID-KEY", f"the key is said twice; wanted {flag('key_env', 'NAME')}, or a key file, alone")
    if key_env:
        key = os.environ.get(key_env)
        if key is None:
            raise UsageError("DEID-KEY", f"the environment variable {key_env} is not set; wanted the key in it")
    elif key_file is not None:
        key = _read(key_file)
    if key is None:
        return random_secrets()
    return KeyedSecrets(key.encode() if isinstance(key, str) else key)


def random_secrets() -> KeyedSecrets:
    """Return the secrets of a key that nobody knows."""
    return KeyedSecrets(secrets.token_bytes(_RANDOM_BYTES), is_random=True)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes().rstrip(b"\r\n")
    except OSError as error:
        raise UsageError("DEID-KEY", f"the key file {path} cannot be read: {error.strerror}") from error
