"""What is wrong with a call of an operation that cannot be bound, and how it is written."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher, get_close_matches
from typing import Any, Protocol

from derive.model.derivation import text_of


class DeclaredKind(Protocol):
    """What has been declared as an operation."""

    @property
    def name(self) -> str:
        """What it is called."""

    @property
    def signature(self) -> inspect.Signature:
        """Its parameters."""

    @property
    def example(self) -> Mapping[str, Any]:
        """Parameters of the example in its help."""


def meant(
    kind: DeclaredKind, arguments: Sequence[Any], parameters: Mapping[str, Any], others: Sequence[str] = ()
) -> str:
    """Say of a call that cannot be bound what is wrong with it, and how it is written.

    *2026-11-30.* ``gaussian_blur(1)`` is refused although one parameter is all it has: whoever writes it may mean
    voxels, and the name says millimetres.
    """
    known = kind.signature.parameters
    example = f"{kind.name}({', '.join(f'{k}={text_of(v)}' for k, v in kind.example.items())})"
    if not others and any(not isinstance(a, float | int | str | tuple | list) for a in arguments):
        return f"{kind.name} takes its parameters, and the source goes to build: derive.build(source, {example})"
    if arguments:
        given = dict(zip(known, arguments, strict=False))
        shown = ", ".join(f"{k}={text_of(v)}" for k, v in given.items()) or f"... it takes {', '.join(known)}"
        return f"{kind.name}: parameters go by their names; did you mean {kind.name}({shown})?"
    unknown = [name for name in parameters if name not in known]
    if unknown:
        near = [name for name in known if name in get_close_matches(unknown[0], known, 2)]
        nearest = max(near, key=lambda name: SequenceMatcher(None, name, unknown[0]).ratio(), default="")
        hint = f"; did you mean {nearest}?" if nearest else ""
        return f"{kind.name} has no parameter {unknown[0]}{hint} It takes {', '.join(known)}"
    missing = [p.name for p in known.values() if p.default is p.empty and p.name not in parameters]
    return f"{kind.name} needs {' and '.join(missing)}, as in {example}; it takes {', '.join(known)}"
