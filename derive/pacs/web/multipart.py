"""multipart/related of Part 10 files (PS3.18 8.6.1.2, RFC 2387): written from files as it is sent, read as it comes."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Sequence
from email.message import Message

from derive.errors import NetworkError, SourceError
from derive.pacs.sendable import Sendable

_BLOCK = 1 << 20
_HEAD = b"Content-Type: application/dicom\r\n\r\n"


def encoded_size(sendable: Sendable) -> int:
    """Return how many bytes an instance has.

    Raises
    ------
    SourceError
        ``SRC-UNREADABLE``.
    """
    if sendable.data is not None:
        return len(sendable.data)
    assert sendable.path is not None, "an instance has a file or bytes"
    try:
        return sendable.path.stat().st_size
    except OSError as error:
        raise SourceError("SRC-UNREADABLE", f"{sendable.name} cannot be read: {error.strerror}") from error


class Related:
    """The body of a request: the bytes of the files, unchanged; a block of one file is in memory at a time.

    It has a length, so that it goes with Content-Length: not every service takes chunks.

    Parameters
    ----------
    sized : sequence of (Sendable, int)
        Instances, and how many bytes each has.
    """

    def __init__(self, sized: Sequence[tuple[Sendable, int]]) -> None:
        self._boundary = uuid.uuid4().hex
        self._sized = sized
        #: The one that is being read: the culprit where reading fails.
        self.current: Sendable | None = None

    @property
    def content_type(self) -> str:
        """For the header of that name."""
        return f'multipart/related; type="application/dicom"; boundary={self._boundary}'

    def __len__(self) -> int:
        return sum(len(self._begin()) + size + 2 for _, size in self._sized) + len(self._end())

    def __iter__(self) -> Iterator[bytes]:
        for sendable, size in self._sized:
            self.current = sendable
            yield self._begin()
            yield from _blocks(sendable, size)
            yield b"\r\n"
        self.current = None
        yield self._end()

    def _begin(self) -> bytes:
        return b"--" + self._boundary.encode() + b"\r\n" + _HEAD

    def _end(self) -> bytes:
        return b"--" + self._boundary.encode() + b"--\r\n"


def _blocks(sendable: Sendable, size: int) -> Iterator[bytes]:
    """The bytes of an instance, as many as were announced."""
    if sendable.data is not None:
        yield sendable.data
        return
    assert sendable.path is not None, "an instance has a file or bytes"
    left = size
    try:
        with sendable.path.open("rb") as stream:
            while block := stream.read(_BLOCK):
                left -= len(block)
                if left < 0:
                    break
                yield block
    except OSError as error:
        raise SourceError("SRC-UNREADABLE", f"{sendable.name} cannot be read: {error.strerror}") from error
    if left:
        raise SourceError("SRC-UNREADABLE", f"{sendable.name} was changed by somebody while it was sent")


def boundary_of(content_type: str) -> bytes | None:
    """Return the boundary that a Content-Type names; None for what is not multipart."""
    header = Message()
    header["Content-Type"] = content_type
    boundary = header.get_param("boundary")
    if header.get_content_maintype() != "multipart" or not isinstance(boundary, str) or not boundary:
        return None
    return boundary.encode("latin-1", "replace")


def parts(chunks: Iterable[bytes], boundary: bytes, host: str) -> Iterator[bytes]:
    """Give the parts of a multipart body one by one, as they come.

    Twice the largest part is in memory, and a chunk.

    Raises
    ------
    NetworkError
        ``NET-ANSWER`` if there is no end to it: some of it is missing, even where the connection ended in order.
    """
    delimiter = b"\r\n--" + boundary
    buffer, searched, begun = bytearray(b"\r\n"), 0, False  # the first delimiter may lack the line before it
    for chunk in chunks:
        buffer += chunk
        while (at := buffer.find(delimiter, searched)) >= 0:
            after = at + len(delimiter)
            if len(buffer) < after + 2:
                searched = at
                break
            if begun:
                yield _content(buffer, at, host)
            if buffer[after : after + 2] == b"--":
                return
            del buffer[:after]
            begun, searched = True, 0
        else:
            searched = max(0, len(buffer) - len(delimiter) + 1)
    raise NetworkError("NET-ANSWER", f"{host}: the multipart body has no end, so some of it is missing")


def _content(buffer: bytearray, end: int, host: str) -> bytes:
    """Return what is behind the headers of a part."""
    start = buffer.find(b"\r\n\r\n", 0, end)
    if start < 0:
        raise NetworkError("NET-ANSWER", f"{host}: a part of the multipart body has no end of its headers")
    with memoryview(buffer) as view:
        return bytes(view[start + 4 : end])
