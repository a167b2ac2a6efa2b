"""Where an archive is: ``AET@host:port``, the root of a DICOMweb service, or a folder."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar, Self, TypeAlias

from derive.errors import UsageError
from derive.limits import is_there

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


class _Place:
    """What every address can be told of how it is spoken with; one that has no use for it stays as it is."""

    #: Whether it is another program, which may refuse or be silent.
    remote: ClassVar[bool] = True

    def calling(self, aet: str) -> Self:
        """Return it with an AE title of ours."""
        return self

    def with_token(self, variable: str) -> Self:
        """Return it with the environment variable that holds a bearer token."""
        return self

    def with_timeout(self, seconds: float) -> Self:
        """Return it with that long for every answer."""
        return self

    def with_access(self, tls: Tls | None, timeouts: Timeouts, credentials: Credentials) -> Self:
        """Return it with all that is configured."""
        return self


@dataclass(frozen=True)
class DimseAddress(_Place):
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

    def calling(self, aet: str) -> Self:
        """Return it with an AE title of ours."""
        return replace(self, calling_aet=aet)

    def with_token(self, variable: str) -> Self:
        """Refuse: DIMSE knows certificates only.

        Raises
        ------
        UsageError
            ``NET-SECRET``.
        """
        raise UsageError("NET-SECRET", "a token goes with DICOMweb; TLS certificates are named in derive.toml")

    def with_timeout(self, seconds: float) -> Self:
        """Return it with that long for every answer."""
        return replace(self, timeouts=replace(self.timeouts, message=seconds, network=seconds))

    def with_access(self, tls: Tls | None, timeouts: Timeouts, credentials: Credentials) -> Self:
        """Return it with certificates and time-outs; it has no use for credentials."""
        return replace(self, tls=tls, timeouts=timeouts)


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
class WebAddress(_Place):
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

    def with_token(self, variable: str) -> Self:
        """Return it with the environment variable that holds a bearer token."""
        return replace(self, credentials=replace(self.credentials, token_env=variable))

    def with_timeout(self, seconds: float) -> Self:
        """Return it with that long for every answer."""
        return replace(self, timeouts=replace(self.timeouts, message=seconds, network=seconds))

    def with_access(self, tls: Tls | None, timeouts: Timeouts, credentials: Credentials) -> Self:
        """Return it with all that is configured."""
        return replace(self, tls=tls, timeouts=timeouts, credentials=credentials)


@dataclass(frozen=True)
class FolderAddress(_Place):
    """A folder that takes files."""

    path: Path
    remote: ClassVar[bool] = False

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
    if _DIMSE.fullmatch(text):
        return parse_entity(text)
    if "@" in text and ":" in text:
        raise UsageError(
            "NET-ADDRESS", f"{text!r} is no address; wanted AET@host:port, https://host/dicom-web or a folder"
        )
    return FolderAddress(Path(text))


def parse_entity(text: str) -> DimseAddress:
    """Read the address of an application entity, ``AET@host:port``.

    Raises
    ------
    UsageError
        ``NET-ADDRESS`` for what is none.
    """
    found = _DIMSE.fullmatch(text)
    if found is None:
        raise UsageError("NET-ADDRESS", f"{text!r}; wanted AET@host:port")
    port = int(found["port"])
    if not 0 < port < 65536 or not found["aet"].strip() or not found["aet"].isascii():
        raise UsageError("NET-ADDRESS", f"{text!r}: wanted an AE title of 1 to 16 characters and a port 1 to 65535")
    return DimseAddress(found["aet"].strip(), found["host"].strip("[]"), port)


def split_series(text: str) -> tuple[str, str] | None:
    """Split ``AET@host:port/SERIES_UID`` or ``alias/SERIES_UID``; None for what is no such thing."""
    head, slash, uid = text.rpartition("/")
    return (head, uid) if slash and _UID.fullmatch(uid) and not is_there(Path(text)) else None
