"""Where an archive is: ``AET@host:port``, the root of a DICOMweb service, or a folder."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from derive.errors import UsageError

DEFAULT_AET = "DERIVE"
_DIMSE = re.compile(r"(?P<aet>[^@/\\]{1,16})@(?P<host>\[[0-9A-Fa-f:]+\]|[^:/@\s]+):(?P<port>\d{1,5})")
_UID = re.compile(r"[0-9]+(\.[0-9]+)+")


@dataclass(frozen=True)
class Timeouts:
    """How long to wait, in seconds.

    Parameters
    ----------
    connect : float
        For the network connection.
    association : float
        For the answer to an association request.
    message : float
        For the answer to a message: DIMSE, or an HTTP response.
    network : float
        For any byte.
    """

    connect: float = 10.0
    association: float = 30.0
    message: float = 60.0
    network: float = 60.0


@dataclass(frozen=True)
class Tls:
    """Files of a secured connection (PEM); their contents are never read into messages.

    Parameters
    ----------
    ca : Path, optional
        Certificates that are trusted; without it those of the system.
    certificate, key : Path, optional
        Of this side, where the other one asks for it.
    check_hostname : bool
    """

    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    check_hostname: bool = True


@dataclass(frozen=True)
class DimseAddress:
    """An application entity.

    Parameters
    ----------
    aet : str
        Called AE title.
    host : str
    port : int
    calling_aet : str
        Ours.
    tls : Tls, optional
    timeouts : Timeouts
    """

    aet: str
    host: str
    port: int
    calling_aet: str = DEFAULT_AET
    tls: Tls | None = None
    timeouts: Timeouts = field(default_factory=Timeouts)

    def __str__(self) -> str:
        """Return it as it is written."""
        return f"{self.aet}@{self.host}:{self.port}"


@dataclass(frozen=True)
class Credentials:
    """Names of the environment variables that hold the secrets; never the secrets themselves.

    Parameters
    ----------
    token_env : str, optional
        Of a bearer token.
    user_env, password_env : str, optional
        Of HTTP basic authentication.
    """

    token_env: str | None = None
    user_env: str | None = None
    password_env: str | None = None


@dataclass(frozen=True)
class WebAddress:
    """A DICOMweb service.

    Parameters
    ----------
    url : str
        Its root, without a slash at the end.
    credentials : Credentials
    tls : Tls, optional
    timeouts : Timeouts
    """

    url: str
    credentials: Credentials = field(default_factory=Credentials)
    tls: Tls | None = None
    timeouts: Timeouts = field(default_factory=Timeouts)

    def __str__(self) -> str:
        """Return the root."""
        return self.url


@dataclass(frozen=True)
class FolderAddress:
    """A folder that takes files."""

    path: Path

    def __str__(self) -> str:
        """Return the path."""
        return str(self.path)


Address: TypeAlias = DimseAddress | WebAddress | FolderAddress


def parse_address(text: str) -> Address:
    """Read an address.

    Raises
    ------
    UsageError
        ``NET-ADDRESS`` for what is none, ``NET-SECRET`` for a URL with a password in it.
    """
    if re.match(r"https?://", text, re.I):
        if "@" in text.split("//", 1)[1].split("/", 1)[0]:
            raise UsageError("NET-SECRET", "a URL with a password in it ends up in logs; name environment variables")
        return WebAddress(text.rstrip("/"))
    found = _DIMSE.fullmatch(text)
    if found:
        port = int(found["port"])
        if not 0 < port < 65536 or not found["aet"].strip() or not found["aet"].isascii():
            raise UsageError("NET-ADDRESS", f"{text!r}: wanted an AE title of 1 to 16 characters and a port 1 to 65535")
        return DimseAddress(found["aet"].strip(), found["host"].strip("[]"), port)
    if "@" in text and ":" in text:
        raise UsageError(
            "NET-ADDRESS", f"{text!r} is no address; wanted AET@host:port, https://host/dicom-web or a folder"
        )
    return FolderAddress(Path(text))


def split_series(text: str) -> tuple[str, str] | None:
    """Split ``AET@host:port/SERIES_UID`` or ``alias/SERIES_UID``; None for what is no such thing."""
    head, slash, uid = text.rpartition("/")
    return (head, uid) if slash and _UID.fullmatch(uid) and not Path(text).exists() else None
