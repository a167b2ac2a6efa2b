"""A function of the user's: found, asked what it takes, and called."""

from __future__ import annotations

import importlib
import inspect
import traceback
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union, cast, get_args, get_origin

import numpy as np
from numpy.typing import NDArray

from derive.errors import DeriveError, UsageError, ValuesError
from derive.model.volume import Array, Volume
from derive.operations.declaration import Function
from derive.told.secrecy import cut
from derive.told.wording import counted

#: Characters of the text of an error that are repeated.
LONGEST_SAID = 400
CheckOfType = Callable[[str, np.dtype[Any]], None]
Takes = Literal["array", "volume", "image"]


@dataclass(frozen=True)
class UserFunction:
    """A function with its further arguments.

    Parameters
    ----------
    function : callable
    name : str
    arguments : mapping
    takes : {"array", "volume", "image"}
        What its first parameter is, and what it returns.
    """

    function: Callable[..., Any]
    name: str
    arguments: Mapping[str, Any]
    takes: Takes

    def __call__(self, value: Any) -> Any:
        """Call it.

        Raises
        ------
        ValuesError
            ``OP-FUNCTION`` if it raises, or wants to end the program; with its text, which is the user's own, and
            the line: a function gets values and a grid, and nothing that says whose they are.
        """
        try:
            return self.function(value, **self.arguments)
        except DeriveError:
            raise
        except (Exception, SystemExit) as error:
            raise ValuesError("OP-FUNCTION", f"{self.name} raised {_said(error, self.function)}") from error

    def of_array(self, values: Array, fill: float, check: CheckOfType) -> Array:
        """Call it with a writable copy that has no padding; what was padding is padding again.

        Parameters
        ----------
        values : (slices, rows, columns)
        fill : float
            What padding is given as.
        check : callable (name, dtype)
            Looks at the type of what came out, before it is made float32.

        Raises
        ------
        ValuesError
            As :meth:`__call__` and :func:`finite`; ``OP-RESULT`` for what is no array, ``OP-SHAPE``.
        """
        padding = np.isnan(values)
        result = self(np.where(padding, np.float32(fill), values))
        if not isinstance(result, np.ndarray):
            raise ValuesError("OP-RESULT", f"{self.name} returned {type(result).__name__}; wanted an ndarray")
        if result.shape != values.shape:
            raise ValuesError("OP-SHAPE", f"{self.name} returned shape {result.shape}; wanted {values.shape}")
        check(self.name, result.dtype)
        return finite(self.name, result, padding)


def _said(error: BaseException, function: Callable[..., Any] | None = None) -> str:
    """Type, text and place of an error: the last line in the file of the function, else the last of all."""
    text = cut(str(error).strip(), LONGEST_SAID)
    frames = traceback.extract_tb(error.__traceback__)[1:]
    inner: Any = getattr(function, "func", function)  # of a partial
    code = getattr(inspect.unwrap(inner), "__code__", None)
    own = [f for f in frames if code and f.filename == code.co_filename] or frames
    where = f" ({own[-1].filename}:{own[-1].lineno})" if own else ""
    return f"{type(error).__name__}{text and f': {text}'}{where}"


def finite(name: str, values: NDArray[Any], padding: NDArray[np.bool_]) -> Array:
    """Return values as float32, NaN where there is padding.

    Raises
    ------
    ValuesError
        ``OP-RESULT`` if they are not real numbers, ``VAL-NONFINITE`` if any other is not finite.
    """
    if values.dtype.kind not in "fiub":
        raise ValuesError("OP-RESULT", f"{name} returned values of type {values.dtype}; wanted real numbers")
    with np.errstate(over="ignore"):
        result = values.astype(np.float32)
    bad = int(np.count_nonzero(~np.isfinite(result) & ~padding))
    if bad:
        raise ValuesError(
            "VAL-NONFINITE", f"{name} returned {counted(bad, 'value')} of {result.size} that are no finite float32"
        )
    result[padding] = np.nan
    return result


def user_function(function: Function, arguments: Mapping[str, Any]) -> UserFunction:
    """Find a function and make sure, before any pixel is looked at, that it can be called.

    Raises
    ------
    UsageError
        ``OP-FUNCTION`` if it cannot be imported, does not have these parameters, or takes something else.
    """
    found = function if callable(function) else _imported(function)
    name = getattr(found, "__qualname__", type(found).__qualname__)
    try:
        signature = inspect.signature(found)
    except ValueError:  # some built-in functions have none
        return UserFunction(found, name, arguments, "array")
    try:
        signature.bind(None, **arguments)
    except TypeError as error:
        raise UsageError(
            "OP-FUNCTION", f"{name}{signature} cannot be called with values and {sorted(arguments)}: {error}"
        ) from None
    return UserFunction(found, name, arguments, _takes(found, name, signature))


def _imported(text: str) -> Callable[..., Any]:
    module, colon, names = text.partition(":")
    if not (module and colon and names):
        raise UsageError("OP-FUNCTION", f"function {text!r}; wanted a callable or package.module:name")
    try:
        found: Any = importlib.import_module(module)
        for name in names.split("."):
            found = getattr(found, name)
    except (Exception, SystemExit) as error:  # a module can raise anything while it is imported
        raise UsageError("OP-FUNCTION", f"function {text!r} cannot be imported: {_said(error)}") from error
    if not callable(found):
        raise UsageError("OP-FUNCTION", f"{text!r} is {type(found).__name__}, which cannot be called")
    return cast(Callable[..., Any], found)


def _takes(function: Callable[..., Any], name: str, signature: inspect.Signature) -> Takes:
    """Tell by the annotation of the first parameter; without one, an array."""
    annotation = _resolved(next(iter(signature.parameters.values())).annotation, function, name)
    if annotation in (inspect.Parameter.empty, Any, object):
        return "array"
    if isinstance(annotation, type):
        if issubclass(annotation, np.ndarray):
            return "array"
        if issubclass(annotation, Volume):
            return "volume"
        if annotation.__name__ == "Image" and annotation.__module__.partition(".")[0] == "SimpleITK":
            return "image"
    raise UsageError(
        "OP-FUNCTION",
        f"the first parameter of {name} is annotated {annotation!r}; "
        "wanted numpy.ndarray, derive.Volume or SimpleITK.Image, or no annotation for an array",
    )


def _resolved(annotation: Any, function: Callable[..., Any], name: str) -> Any:
    """Return the class behind an annotation: a string, an alias, one with parameters, or one ``| None``."""
    if isinstance(annotation, str):
        inner = inspect.unwrap(getattr(function, "func", function))  # of a functools.partial
        inner = inner if hasattr(inner, "__globals__") else type(inner).__call__
        try:
            annotation = eval(annotation, getattr(inner, "__globals__", {}))  # as inspect.signature does
        except Exception as error:  # it is the user's text
            raise UsageError(
                "OP-FUNCTION",
                f"the annotation {annotation!r} of {name} cannot be resolved ({type(error).__name__}); "
                "import its name in that module at run time",
            ) from error
    annotation = getattr(annotation, "__value__", annotation)
    origin, members = get_origin(annotation), [a for a in get_args(annotation) if a is not type(None)]
    if origin is Annotated or (origin in (Union, types.UnionType) and len(members) == 1):
        return _resolved(members[0], function, name)
    return origin or annotation
