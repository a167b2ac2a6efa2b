"""Who computed what a step of one's own computed: the name, version and maker of an algorithm, and its digest."""

from __future__ import annotations

import hashlib
import re
from dataclasses import InitVar, dataclass
from pathlib import Path

from derive.errors import UsageError

#: What LO holds (PS3.5 6.2): no backslash, no control character, 64 characters.
_LONGEST = 64
_DIGEST = re.compile(r"[a-z0-9-]{2,16}:[0-9a-f]{16,128}")
_CHUNK = 1 << 20


def is_digest(text: str) -> bool:
    """Whether a text is a digest such as ``sha256:9f86...``, and nothing else."""
    return _DIGEST.fullmatch(text) is not None


@dataclass(frozen=True)
class Algorithm:
    """Who computed: an item of Contributing Equipment Sequence, and a qualification of the content (PS3.3 C.12.1).

    Parameters
    ----------
    name : str
        What it is called, e.g. of a model: Manufacturer's Model Name of the item.
    version : str
        Software Versions of the item.
    manufacturer : str
        Who made it: a company, an institute, a person.
    digest : str, optional
        Of its weights or its code, e.g. ``sha256:9f86d0...``; Contribution Description of the item.
    weights : path, optional
        A file whose SHA-256 is the digest.

    Raises
    ------
    UsageError
        ``ALG-TEXT`` for a text that is none of 1 to 64 characters, ``ALG-DIGEST`` for a digest that is none, or one
        beside weights of another, ``ALG-WEIGHTS`` for weights that cannot be read.

    Examples
    --------
    >>> import derive
    >>> model = derive.Algorithm("DeNoise", "2.10", "ACME", digest="sha256:9f86d081884c7d659a2feaa0c55ad015")
    >>> str(model)
    'DeNoise 2.10'
    """

    name: str
    version: str
    manufacturer: str
    digest: str = ""
    weights: InitVar[str | Path | None] = None

    def __post_init__(self, weights: str | Path | None) -> None:
        for what in ("name", "version", "manufacturer"):
            _check_text(what, getattr(self, what))
        digest = self.digest.lower()
        if digest and not is_digest(digest):
            raise UsageError("ALG-DIGEST", "the digest of an algorithm is written sha256:HEX, with 16 to 128 digits")
        if weights is not None:
            found = _digest_of(Path(weights))
            if digest not in ("", found):
                raise UsageError("ALG-DIGEST", f"{Path(weights).name} has the digest {found}, and another was given")
            digest = found
        object.__setattr__(self, "digest", digest)

    def __str__(self) -> str:
        """Name and version, as Derivation Description has them."""
        return f"{self.name} {self.version}"

    @property
    def texts(self) -> tuple[str, ...]:
        """What of it is written."""
        return (self.name, self.version, self.manufacturer, self.digest)


def _check_text(what: str, text: object) -> None:
    if not isinstance(text, str):
        message = f"the {what} of an algorithm is {type(text).__name__}; wanted text, such as '2.10'"
        raise UsageError("ALG-TEXT", message)
    if not (text.strip() == text and 0 < len(text) <= _LONGEST and text.isprintable() and "\\" not in text):
        raise UsageError(
            "ALG-TEXT",
            f"the {what} of an algorithm has to have 1 to {_LONGEST} characters, no blanks around it, no backslash and "
            "no control characters (PS3.5 6.2, LO)",
        )


def _digest_of(path: Path) -> str:
    """Return the SHA-256 of a regular file."""
    if not path.is_file():
        raise UsageError("ALG-WEIGHTS", f"{path.name} is no file; wanted the weights of the algorithm")
    found = hashlib.sha256()
    try:
        with open(path, "rb") as stream:
            while chunk := stream.read(_CHUNK):
                found.update(chunk)
    except OSError as error:
        raise UsageError("ALG-WEIGHTS", f"{path.name} cannot be read: {error.strerror}") from error
    return f"sha256:{found.hexdigest()}"
