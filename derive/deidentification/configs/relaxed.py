"""JSON as people write it into documents: with comments, single quotes, commas too many, and braces left out."""

from __future__ import annotations

import ast
import json
import re
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
    tokens = [*_tokens(text)]
    if tokens and tokens[0] != "{":
        tokens = ["{", *tokens, "}"]
    pairs = zip(tokens, [*tokens[1:], ""], strict=True)
    plain = " ".join(token for token, after in pairs if not (token == "," and after in ("}", "]")))
    try:
        found = json.loads(plain)
    except json.JSONDecodeError as error:
        raise UsageError("DEID-CONFIG", f"{name} is no JSON: {error.msg} behind {plain[: error.pos][-40:]!r}") from None
    if not isinstance(found, dict):
        raise UsageError("DEID-CONFIG", f"{name} is no JSON object")
    return found


def _tokens(text: str) -> list[str]:
    found = []
    for match in _TOKEN.finditer(text):
        token = match.group()
        if match.lastgroup == "text":
            found.append(
                json.dumps(ast.literal_eval(token) if token.startswith("'") else json.loads(token, strict=False))
            )
        elif match.lastgroup not in ("comment", "blank"):
            found.append(_WORDS.get(token, token))
    return found
