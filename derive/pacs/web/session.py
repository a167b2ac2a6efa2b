"""A session with a DICOMweb service: credentials, TLS, time-outs, and what is tried again."""

from __future__ import annotations

import base64
import logging
import os
import re
import ssl
import time
from collections.abc import Iterable, Iterator, Mapping
from ipaddress import ip_address
from itertools import count
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from derive.errors import UsageError
from derive.pacs.address import Credentials, Tls, WebAddress
from derive.pacs.web.faults import WebFault, of_exception, of_status, pause_s
from derive.version import MODEL, VERSION

if TYPE_CHECKING:
    from requests import Response, Session

_log = logging.getLogger(__name__)
CHUNK = 1 << 20
_MOST_REDIRECTS = 5
_REDIRECTS = (301, 302, 303, 307, 308)
#: It writes URLs into its log, and URLs of queries hold what identifies patients.
_TALKATIVE = "urllib3.connectionpool"


class WebSession:
    """Speaks HTTP with one service; used as a context.

    Redirects are followed within the service only, and never by what carries instances. Nothing of the environment
    counts but the variables that are named: ``REQUESTS_CA_BUNDLE``, ``.netrc`` and proxies do not.

    Parameters
    ----------
    address : WebAddress
    attempts : int
        How often something is asked for that fails for a passing reason.
    backoff_s : float
        First pause between two attempts; it doubles. A service that names one (Retry-After) gets that.

    Raises
    ------
    UsageError
        ``NET-SECRET`` if an environment variable is missing that is to hold a secret, ``NET-ADDRESS``, ``NET-TLS``
        for a file that is missing.
    """

    def __init__(self, address: WebAddress, *, attempts: int = 3, backoff_s: float = 0.5) -> None:
        parts = urlsplit(address.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise UsageError(
                "NET-ADDRESS", "the address of a DICOMweb service begins with http:// or https:// and host"
            )
        if "@" in parts.netloc:
            raise UsageError("NET-SECRET", "a URL with a password in it ends up in logs; name environment variables")
        self.address = address
        self.host = parts.netloc
        self.attempts, self.backoff_s = attempts, backoff_s
        self._session = _session(address)
        if "Authorization" in self._session.headers and parts.scheme == "http" and not _is_loopback(parts.hostname):
            _log.warning("credentials go to %s over a connection that is not secured; use https", self.host)

    def __enter__(self) -> WebSession:
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()

    def url(self, *parts: str) -> str:
        """Return the URL of a resource below the root of the service."""
        return "/".join((self.address.url.rstrip("/"), *parts))

    def get(self, url: str, accept: str, *, stream: bool = False) -> Response:
        """Ask for something; again after a pause where the reason for the failure is a passing one.

        Parameters
        ----------
        url : str
        accept : str
            Media types.
        stream : bool
            Whether the body is left to be read by :meth:`chunks`.

        Raises
        ------
        NetworkError
            ``NET-UNREACHABLE``, ``NET-TIMEOUT``, ``NET-TLS``, ``NET-AUTH``, ``NET-HTTP``.
        """
        for attempt in count(1):
            answer = self.once("GET", url, headers={"Accept": accept}, stream=stream)
            fault = answer if isinstance(answer, WebFault) else of_status(answer, self.host)
            if not isinstance(answer, WebFault):
                if fault is None:
                    return answer
                answer.close()
            if fault is not None and (not fault.passing or attempt >= self.attempts):
                raise fault.error
            self.pause(attempt, answer)
        raise AssertionError("attempts have an end")

    def once(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: Iterable[bytes] | None = None,
        stream: bool = False,
    ) -> Response | WebFault:
        """Send one request, and give the answer, whatever its status."""
        from urllib3.exceptions import HTTPError

        timeouts = self.address.timeouts
        for _ in range(_MOST_REDIRECTS):
            try:
                answer = self._session.request(
                    method,
                    url,
                    headers=headers,
                    data=body,
                    stream=stream,
                    timeout=(timeouts.connect, timeouts.message),
                    allow_redirects=False,
                )
            except (OSError, HTTPError) as error:
                return of_exception(error, self.host)
            target = urljoin(url, answer.headers.get("Location", "")) if answer.status_code in _REDIRECTS else ""
            if method != "GET" or not target or _origin(target) != _origin(url):
                return answer
            answer.close()
            url = target
        return answer

    def pause(self, attempt: int, answer: Response | WebFault | None) -> None:
        """Wait before the next attempt, as long as the service says, else a little longer each time."""
        response = None if isinstance(answer, WebFault) else answer
        seconds = pause_s({} if response is None else response.headers, attempt, self.backoff_s)
        why = "no answer" if response is None else f"status {response.status_code}"
        _log.info("%s: attempt %d failed (%s); the next one in %.1f s", self.host, attempt, why, seconds)
        time.sleep(seconds)

    def chunks(self, response: Response) -> Iterator[bytes]:
        """Give the body of an answer as it comes.

        Raises
        ------
        NetworkError
            ``NET-UNREACHABLE`` if the connection is cut, ``NET-TIMEOUT``.
        """
        from urllib3.exceptions import HTTPError

        chunks = response.iter_content(CHUNK)
        while True:
            try:
                chunk = next(chunks, None)
            except (OSError, HTTPError) as error:
                fault = of_exception(error, self.host)
                raise fault.error from None
            if chunk is None:
                return
            yield chunk


def _session(address: WebAddress) -> Session:
    logging.getLogger(_TALKATIVE).addFilter(_FILTER)  # the same one is not added twice
    try:
        import requests
    except ImportError as error:
        raise UsageError("NET-PACKAGE", "the package requests is not installed: pip install requests") from error

    session = requests.Session()
    session.trust_env = False
    session.headers["User-Agent"] = f"{MODEL}/{VERSION}"
    authorisation = _authorisation(address.credentials)
    if authorisation:
        session.headers["Authorization"] = authorisation
    tls = address.tls or Tls()
    for path in (tls.ca, tls.certificate, tls.key):
        if path is not None and not path.is_file():
            raise UsageError("NET-TLS", f"{path} is no file; wanted certificates or a key in PEM")
    session.verify = str(tls.ca) if tls.ca else True
    if tls.certificate:
        session.cert = (str(tls.certificate), str(tls.key)) if tls.key else str(tls.certificate)
    adapter = _adapter(tls, address.timeouts.network)
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    return session


def _adapter(tls: Tls, send_s: float) -> Any:
    """Return what connects: with the certificates of the system, which requests alone does not look at."""
    from requests.adapters import HTTPAdapter
    from urllib3 import connectionpool as pools

    adapter = HTTPAdapter(max_retries=0)
    settings: dict[str, Any] = {} if tls.ca else {"ssl_context": ssl.create_default_context()}
    if not tls.check_hostname:
        settings["assert_hostname"] = False
    adapter.init_poolmanager(4, 4, **settings)
    adapter.poolmanager.pool_classes_by_scheme = {
        "http": _patient(pools.HTTPConnectionPool, send_s),
        "https": _patient(pools.HTTPSConnectionPool, send_s),
    }
    return adapter


def _patient(pool: Any, send_s: float) -> Any:
    """Return a pool whose connections wait longer for an archive that reads on slowly than for one that is not there.

    urllib3 would let the time-out of the connection stand while the first request is sent.
    """
    base: Any = pool.ConnectionCls

    class Connection(base):  # type: ignore[misc]  # of a package that is imported late
        def connect(self) -> None:
            super().connect()
            self.sock.settimeout(send_s)

    return type(pool.__name__, (pool,), {"ConnectionCls": Connection})


def _authorisation(credentials: Credentials) -> str:
    """Return the value of the header; a token goes before a user."""
    if credentials.token_env:
        token = _secret(credentials.token_env).strip()
        if not re.fullmatch(r"[\x21-\x7e]+", token):
            raise UsageError("NET-SECRET", f"{credentials.token_env} holds characters that no token has")
        return f"Bearer {token}"
    if not credentials.user_env and not credentials.password_env:
        return ""
    if not credentials.user_env or not credentials.password_env:
        raise UsageError("NET-SECRET", "HTTP basic authentication needs both user_env and password_env")
    user, password = _secret(credentials.user_env), _secret(credentials.password_env)
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def _secret(name: str) -> str:
    value = os.environ.get(name, "")
    if not value:
        raise UsageError(
            "NET-SECRET", f"the environment variable {name} is not set, and the credentials are to be in it"
        )
    return value


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


class _WithoutQuery(logging.Filter):
    """Takes what was asked for out of URLs."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = re.sub(r"\?[^\s\"']*", "?...", record.getMessage()), ()
        return True


_FILTER = _WithoutQuery()
