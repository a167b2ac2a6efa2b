"""What goes wrong with a web service, told apart: whether it got the request, and whether to try again makes sense."""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from derive.errors import NetworkError

if TYPE_CHECKING:
    from requests import Response

#: A service that asks for a longer pause is asked again after this one, in seconds.
LONGEST_PAUSE_S = 60.0
_LONGEST_TEXT = 200
_TOO_MANY, _UNAVAILABLE = 429, 503
#: Server errors that another attempt does not mend: not implemented, HTTP version, authentication of a network.
_LASTING = (501, 505, 511)
_NOT_AUTHORISED = (401, 403)


@dataclass(frozen=True)
class WebFault:
    """Why there is no answer that can be used.

    Parameters
    ----------
    error : NetworkError
        What is raised when this is the end of it.
    connected : bool
        Whether the service may have got the request, or a part of it.
    passing : bool
        Whether to try again makes sense.
    """

    error: NetworkError
    connected: bool
    passing: bool


def of_exception(error: BaseException, host: str) -> WebFault:
    """Tell what an exception of requests, urllib3 or the sockets means.

    Their texts are not repeated: they hold the URL, and with it what was asked for.
    """
    from requests import exceptions as faults
    from urllib3.exceptions import NewConnectionError

    causes = list(_causes(error))
    detail = next((c.strerror for c in causes if isinstance(c, OSError) and c.strerror and c.errno), "")
    if any(isinstance(c, ssl.SSLError) and not isinstance(c, ssl.SSLEOFError | TimeoutError) for c in causes):
        return WebFault(NetworkError("NET-TLS", f"{host}: no secured connection: {_tls_words(causes)}"), False, False)
    if _is(causes, faults.InvalidURL, faults.InvalidSchema, faults.MissingSchema, faults.InvalidHeader):
        return WebFault(NetworkError("NET-UNREACHABLE", f"{host}: this URL cannot be opened"), False, False)
    if _is(causes, faults.ConnectTimeout):
        text = f"{host} does not take the connection in time; look at host and port, or raise timeouts.connect"
        return WebFault(NetworkError("NET-TIMEOUT", text), False, True)
    if _is(causes, NewConnectionError):
        text = f"{host} cannot be reached{': ' + detail if detail else ''}; look at host, port and network"
        return WebFault(NetworkError("NET-UNREACHABLE", text), False, True)
    if any(isinstance(c, TimeoutError) for c in causes) or _is(causes, faults.ReadTimeout):
        text = f"{host} took the request and does not answer in time; raise timeouts.message if it is only slow"
        return WebFault(NetworkError("NET-TIMEOUT", text), True, True)
    text = f"{host}: the connection was cut{': ' + detail if detail else ''}"
    return WebFault(NetworkError("NET-UNREACHABLE", text), True, True)


def of_status(response: Response, host: str) -> WebFault | None:
    """Tell what a status means (RFC 9110, 15; PS3.18 8.5); None for success."""
    status = response.status_code
    if status < 300:
        return None
    said = f"{host} answered {status_words(status, response.reason)}"
    facts = {"status": status}
    if status in _NOT_AUTHORISED:
        advice = "the credentials do not do" if "Authorization" in response.request.headers else "it wants credentials"
        return WebFault(NetworkError("NET-AUTH", f"{said}: {advice}", **facts), True, False)
    if status < 400:
        text = f"{said}: it wants us to go elsewhere, which is not followed; give the address that it moved to"
        return WebFault(NetworkError("NET-HTTP", text, **facts), True, False)
    passing = status in (_TOO_MANY, _UNAVAILABLE) or (status >= 500 and status not in _LASTING)
    return WebFault(NetworkError("NET-HTTP", said, **facts), True, passing)


def status_words(status: int, reason: str | None) -> str:
    """Return a status as people read it; of what the service says only the reason phrase, as bodies name patients."""
    words = "".join(c for c in reason or "" if c.isascii() and c.isprintable())[:_LONGEST_TEXT].strip()
    return f"{status} {words}".strip()


def pause_s(headers: Mapping[str, str], attempt: int, backoff_s: float, now: datetime | None = None) -> float:
    """How long to wait before the next attempt, in seconds.

    Parameters
    ----------
    headers : mapping of str to str
        Of the answer; its Retry-After counts (RFC 9110, 10.2.3), a number of seconds or a date.
    attempt : int
        The one that failed, from 1: without Retry-After the pause doubles with each.
    backoff_s : float
        The first pause.
    now : datetime, optional
    """
    said = headers.get("Retry-After", "").strip()
    asked = backoff_s * 2.0 ** (attempt - 1)
    if said.isascii() and said.isdigit():
        asked = float(said[:9])
    elif said:
        try:
            date = parsedate_to_datetime(said)
        except ValueError:
            return min(asked, LONGEST_PAUSE_S)
        date = date if date.tzinfo else date.replace(tzinfo=UTC)
        asked = (date - (now or datetime.now(UTC))).total_seconds()
    return min(max(asked, 0.0), LONGEST_PAUSE_S)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An exception and all that is behind it: urllib3 keeps them as causes, arguments and reasons."""
    waiting, seen = [error], set[int]()
    while waiting:
        cause = waiting.pop(0)
        if id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        behind = (cause.__cause__, cause.__context__, getattr(cause, "reason", None), *cause.args)
        waiting += [c for c in behind if isinstance(c, BaseException)]


def _is(causes: list[BaseException], *kinds: type[BaseException]) -> bool:
    return any(isinstance(c, kinds) for c in causes)


def _tls_words(causes: list[BaseException]) -> str:
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"{cause.verify_message}; give the certificates that are to be trusted as ca"
    reasons = [c.reason for c in causes if isinstance(c, ssl.SSLError) and c.reason]
    return f"{reasons[0] if reasons else 'it failed'}; look at certificate, key and ca, and whether it is https at all"
