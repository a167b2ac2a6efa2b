"""The connection below an association: secured or not, never waiting for ever, and able to say why it failed."""

from __future__ import annotations

import contextlib
import socket
import ssl
from typing import Any

from derive.errors import NetworkError
from derive.pacs.address import DimseAddress, Tls


class _Patient:
    """What pynetdicom's socket is given beside being one.

    pynetdicom waits for ever for a side that stops in the middle of a PDU, has no way to ask for small packets to be
    sent at once (without that, an archive is sent some 20 instances a second), and logs errors instead of raising them.
    """

    network: float | None = None
    failure: OSError | None = None
    connected = False

    def connect(self, address: Any) -> None:
        try:
            super().connect(address)  # type: ignore[misc]
            self.connected = True
            self.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # type: ignore[attr-defined]
        except OSError as error:
            self.failure = error
            raise

    def settimeout(self, value: float | None) -> None:
        super().settimeout(self.network if value is None else value)  # type: ignore[misc]

    def recv(self, *arguments: Any) -> bytes:
        try:
            return super().recv(*arguments)  # type: ignore[misc, no-any-return]
        except OSError as error:
            self.failure = error
            raise


class _Plain(_Patient, socket.socket):
    pass


class _Secured(_Patient, ssl.SSLSocket):
    handshaking = False

    def do_handshake(self, block: bool = False) -> None:
        self.handshaking = True
        super().do_handshake(block)


class Opener:
    """Stands where pynetdicom expects an ``ssl.SSLContext``: it makes the socket of an association.

    Parameters
    ----------
    address : DimseAddress

    Raises
    ------
    NetworkError
        ``NET-TLS`` if a certificate or key cannot be used.
    """

    def __init__(self, address: DimseAddress) -> None:
        self._network = address.timeouts.network
        self._context = client_context(address.tls) if address.tls is not None else None
        self._made: _Patient = _Patient()

    @property
    def connected(self) -> bool:
        """Whether there was a connection, secured if it had to be."""
        return self._made.connected

    @property
    def failure(self) -> OSError | None:
        """Why there is none, or none any more."""
        return self._made.failure

    @property
    def insecure(self) -> str | None:
        """Why a connection could not be secured."""
        made, error = self._made, self._made.failure
        if isinstance(error, ssl.SSLCertVerificationError):
            return f"the certificate of the other side is not trusted ({error.verify_message}); check "
            "the CA of derive.toml and the host"
        if isinstance(error, ssl.SSLError):
            return f"{error.reason or error}; check that it wants TLS, and which certificate it asks for"
        if isinstance(made, _Secured) and made.handshaking and not made.connected:
            return f"no TLS handshake ({error}); check that it wants TLS"
        return None

    def wrap_socket(self, sock: socket.socket, server_side: bool, server_hostname: str) -> socket.socket:
        """Make the socket that is used of the one that pynetdicom has made."""
        made: _Plain | _Secured
        if self._context is not None:
            # The class is public API of the context; the socket is not connected yet, so nothing is sent here.
            self._context.sslsocket_class = _Secured
            wrapped = self._context.wrap_socket(sock, server_side=server_side, server_hostname=server_hostname)
            assert isinstance(wrapped, _Secured)
            made = wrapped
        else:
            timeout = sock.gettimeout()
            made = _Plain(sock.family, sock.type, sock.proto, fileno=sock.detach())
            made.settimeout(timeout)
        made.network = self._network
        self._made = made
        return made


def client_context(tls: Tls) -> ssl.SSLContext:
    """Return what secures a connection to the other side.

    Raises
    ------
    NetworkError
        ``NET-TLS`` if a file cannot be used.
    """
    with _naming(tls.ca):
        context = ssl.create_default_context(cafile=tls.ca)
    context.check_hostname = tls.check_hostname
    _identify(context, tls)
    return context


def server_context(tls: Tls) -> ssl.SSLContext:
    """Return what secures connections from the other side; it has to show a certificate of the same authority.

    Raises
    ------
    NetworkError
        ``NET-TLS`` if a file is missing or cannot be used.
    """
    if tls.certificate is None:
        raise NetworkError("NET-TLS", "a listener for secured connections needs a certificate and its key")
    with _naming(tls.ca):
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=tls.ca)
    if tls.ca is not None:
        context.verify_mode = ssl.CERT_REQUIRED
    _identify(context, tls)
    return context


def _identify(context: ssl.SSLContext, tls: Tls) -> None:
    if tls.certificate is not None:
        with _naming(tls.certificate, tls.key):
            # A key with a password would ask for it at the terminal.
            context.load_cert_chain(tls.certificate, tls.key, password=lambda: "")


@contextlib.contextmanager
def _naming(*files: Any) -> Any:
    try:
        yield
    except (OSError, ValueError) as error:
        names = " and ".join(f.name for f in files if f is not None) or "the certificates of the system"
        reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or error
        said = f"{names} cannot be used ({reason}); wanted PEM files, the key without a password"
        raise NetworkError("NET-TLS", said, transient=False) from error
