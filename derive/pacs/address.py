"""Where an archive is: ``AET@host:port``, the root of a DICOMweb service, or a folder."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar, Self, TypeAlias
from urllib.parse import urlsplit

from derive.errors import UsageError
from derive.limits import is_there

DEFAULT_AET = "DERIVE"
_DIMSE = re.compile(r"(?P<aet>[ -.0-?A-\[\]-~]{1,16})@(?P<host>\[[0-9A-Fa-f:]+\]|[^:/@\s]+):(?P<port>\d{1,5})")
#: An AE title: default repertoire, no backslash, no control characters (PS3.5 6.2); ``@`` and ``/`` are of addresses.
_AET = re.compile(r"[ -.0-?A-\[\]-~]{1,16}")
_LONGEST_AET, _PORTS = 16, 65536
_SCHEME = re.compile(r"https?://", re.I)
_WANTED = "wanted AET@host:port, https://host/dicom-web, a folder, or a name of derive.toml"
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
        ``NET-ADDRESS`` for what is none, and says what it lacks; ``NET-SECRET`` for a URL with a password in it.
    """
    text = text.strip()
    if not text:
        raise UsageError("NET-ADDRESS", f"an address is empty; {_WANTED}")
    if _SCHEME.match(text):
        return _web(text)
    if not Path(text).exists():
        _refuse_mistakes(text)
        if "@" in text:
            return parse_entity(text)
    return FolderAddress(Path(text))


def _web(text: str) -> WebAddress:
    if "@" in text.split("//", 1)[1].split("/", 1)[0]:
        raise UsageError("NET-SECRET", "a URL with a password in it ends up in logs; name environment variables")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise UsageError("NET-ADDRESS", f"{text!r}: {error}; {_WANTED}") from None
    if not parts.hostname or port == 0:
        raise UsageError("NET-ADDRESS", f"{text!r} names no host and port; {_WANTED}")
    return WebAddress(text.rstrip("/"))


def _refuse_mistakes(text: str) -> None:
    """Refuse what is meant as an address and lacks something; what may be a folder is left."""
    scheme = re.match(r"([A-Za-z][A-Za-z0-9+.-]*):?//?", text) or re.match(r"(https?):", text, re.I)
    if scheme and (scheme[0].endswith("//") or scheme[1].lower() in ("http", "https")):
        raise UsageError("NET-ADDRESS", f"{text!r} has no scheme that is known; wanted http:// or https://")
    if "@" not in text:
        host = re.fullmatch(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[^:/\\@\s]+):(?P<port>\d+)(?P<path>/.*)?", text)
        if host and host["path"]:
            raise UsageError("NET-ADDRESS", f"{text!r} has no scheme; wanted http://{text} or https://{text}")
        if host:
            raise UsageError(
                "NET-ADDRESS",
                f"{text!r} has no AE title; wanted AET@{text}, with the AE title of the archive in place of AET (of a "
                f"DICOMweb service http://{text}/dicom-web)",
            )


def parse_entity(text: str) -> DimseAddress:
    """Read the address of an application entity, ``AET@host:port``.

    Raises
    ------
    UsageError
        ``NET-ADDRESS`` for what is none, and says what is wrong with it.
    """
    text = text.strip()
    found, wrong = _DIMSE.fullmatch(text), _wrong(text)
    if found is None or wrong:
        raise UsageError("NET-ADDRESS", f"{text!r}: {wrong or 'this is no address'}; wanted AET@host:port")
    return DimseAddress(found["aet"].strip(), found["host"].strip("[]"), int(found["port"]))


def _wrong(text: str) -> str:
    """Say what is wrong with what should be ``AET@host:port``; empty where that cannot be said."""
    aet, at, place = text.rpartition("@")
    if not at:
        return "the AE title is missing"
    if re.fullmatch(r"[^@]+:\d{1,5}", aet) and not re.search(r":\d+$", place):
        return f"host and port stand before the AE title; is it {place}@{aet}?"
    if not aet.strip() or not _AET.fullmatch(aet):
        length = f", and has {len(aet)}" if len(aet) > _LONGEST_AET else ""
        return f"an AE title has 1 to {_LONGEST_AET} characters of ASCII, no backslash{length}"
    place, _, path = place.partition("/")
    if path:
        return "an archive alone is wanted, without what follows the slash"
    host, colon, port = place.rpartition(":")
    if place.count(":") > 1 and not place.startswith("["):
        return "an IPv6 address stands in brackets, [::1]"
    if not colon or place.endswith("]"):
        return f"the port is missing, as in {aet}@{place or 'host'}:104"
    if not host or re.search(r"\s", host):
        return "the host is missing" if not host else "a host has no spaces"
    if not re.fullmatch(r"[0-9]+", port) or not 0 < int(port[:9]) < _PORTS:
        return f"a port is a number from 1 to {_PORTS - 1}"
    return ""


def split_series(text: str) -> tuple[str, str] | None:
    """Split ``AET@host:port/SERIES_UID`` or ``alias/SERIES_UID``; None for what is no such thing."""
    head, slash, uid = text.rpartition("/")
    return (head, uid) if slash and _UID.fullmatch(uid) and not is_there(Path(text)) else None
