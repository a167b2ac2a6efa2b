"""JSON as people write it into documents: with comments, single quotes, commas too many, and braces left out."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from derive.errors import UsageError

_TOKEN = re.compile(
    r"""(?P<comment>//[^\n]*|/\*.*?\*/|\#[^\n]*)|(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')"""
    r"""|(?P<word>[-+\w.]+)|(?P<sign>[{}\[\]:,])|(?P<blank>\s+)|(?P<other>.)""",
    re.DOTALL,
)
_WORDS = {"True": "true", "False": "false", "None": "null"}


def read_relaxed(text: str, name: str) -> dict[str, Any]:
    """Read a JSON object.

    Raises
    ------
    UsageError
        ``DEID-CONFIG`` for what is none.

    Examples
    --------
    >>> read_relaxed("'config': {'tags': ['PatientID',]} // all", "a page")
    {'config': {'tags': ['PatientID']}}
    """
    tokens = [*_tokens(text, name)]
    if tokens and tokens[0] != "{":
        tokens = ["{", *tokens, "}"]
    pairs = zip(tokens, [*tokens[1:], ""], strict=True)
    plain = " ".join(token for token, after in pairs if not (token == "," and after in ("}", "]")))
    found = _loaded(plain, name)
    if not isinstance(found, dict):
        raise UsageError("DEID-CONFIG", f"{name} is no JSON object")
    return found


def _loaded(text: str, name: str) -> Any:
    try:
        return json.loads(text, strict=False)
    except json.JSONDecodeError as error:
        raise UsageError("DEID-CONFIG", f"{name} is no JSON: {error.msg} behind {text[: error.pos][-40:]!r}") from None


def _tokens(text: str, name: str) -> Iterator[str]:
    for match in _TOKEN.finditer(text):
        token = match.group()
        if match.lastgroup == "text":
            body = token[1:-1].replace("\\'", "'").replace('"', '\\"') if token[0] == "'" else token[1:-1]
            yield json.dumps(_loaded(f'"{body}"', name))
        elif match.lastgroup not in ("comment", "blank"):
            yield _WORDS.get(token, token)
