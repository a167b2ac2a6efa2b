"""A curve through the patient: its points, a smooth way through them, and what is across it at every step."""

from __future__ import annotations

import csv
import hashlib
import io
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from derive.errors import UsageError
from derive.model.geometry import Triple, triple
from derive.operations.kit.planning import FRONT, HEAD, PARALLEL, unit

Vector = NDArray[np.float64]

#: Characters that points may take of a Derivation Description, which has 1,024 for all steps.
LONGEST_RECORD = 720
#: How the record of points begins that did not fit.
DIGEST = "points sha256:"
#: Points that are closer than this are one, mm.
NEAREST_MM = 1e-6
#: How many times finer than the steps the way is measured.
FINENESS = 32
#: Bytes of a file of points: a curve has some hundreds of them.
MOST_BYTES = 1 << 22
_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_RECORD = re.compile(rf"{_NUMBER}(?: {_NUMBER}){{2}}(?:, {_NUMBER}(?: {_NUMBER}){{2}})*")


@dataclass(frozen=True)
class Curve:
    """Points that a curve goes through.

    Parameters
    ----------
    points : tuple of (x, y, z) mm
        In the coordinates of the patient (LPS), in order; those that repeat the one before are left out.
    file_digest : str
        SHA-256 of the file that they are from; empty where they are from none.
    """

    points: tuple[Triple, ...]
    file_digest: str = ""

    @classmethod
    def of(cls, given: Any) -> Curve:
        """Take points as somebody has them.

        Parameters
        ----------
        given : Curve, path, text or (n, 3)
            A file of comma, semicolon, tab or blank separated x, y, z, in columns of these names or in this order;
            or what a record has: ``x y z, x y z``.

        Raises
        ------
        UsageError
            ``OP-CURVE`` for what is no two different points.
        """
        if isinstance(given, Curve):
            return given
        digest = ""
        if isinstance(given, str | Path):
            text, digest = _text_of(given)
            given = _table(text)
        try:
            points = np.asarray(given, np.float64)
        except (TypeError, ValueError):
            points = np.empty(0)
        if points.ndim != 2 or points.shape[1] != 3 or not np.isfinite(points).all():
            raise UsageError("OP-CURVE", "the curve is no list of points; wanted three finite numbers each, x y z, mm")
        if len(points) < 2:
            raise UsageError("OP-CURVE", f"the curve has {len(points)} points; wanted two or more")
        apart = np.linalg.norm(np.diff(points, axis=0), axis=1) > NEAREST_MM
        if not apart.any():
            raise UsageError("OP-CURVE", "all points of the curve are one; wanted two or more that differ")
        points = points[np.concatenate([[True], apart])]
        return cls(tuple(map(triple, points)), digest)

    @property
    def recorded(self) -> str:
        """What the record of a step has: the points, or a digest of them where they would not fit."""
        text = ", ".join(" ".join(repr(v + 0.0).removesuffix(".0") for v in point) for point in self.points)
        if len(text) <= LONGEST_RECORD:
            return text
        digest = hashlib.sha256(np.array(self.points, "<f8").tobytes()).hexdigest()
        file = f", of a file sha256:{self.file_digest}" if self.file_digest else ""
        return f"{DIGEST}{digest} ({len(self.points)}){file}"


def _text_of(given: str | Path) -> tuple[str, str]:
    """Return the text of points, and the digest of the file that it is from."""
    if isinstance(given, str) and _RECORD.fullmatch(given.strip()):
        return given.replace(", ", "\n"), ""
    path = Path(given)
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
        text = content.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError, ValueError):
        raise UsageError("OP-CURVE", f"{path.name} is no text file that can be read; wanted points x y z, mm") from None
    if len(content) > MOST_BYTES:
        raise UsageError("OP-CURVE", f"{path.name} has more than {MOST_BYTES} bytes; wanted points x y z, mm")
    return text, hashlib.sha256(content).hexdigest()


def _table(text: str) -> list[list[float]]:
    """Read three columns, in the order of a header where there is one."""
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    mark = next((m for m in (";", ",", "\t") if lines and m in lines[0]), " ")
    rows = [
        [cell.strip() for cell in row]
        for row in csv.reader(io.StringIO("\n".join(lines)), delimiter=mark, skipinitialspace=True)
    ]
    rows = [[cell for cell in row if cell] if mark == " " else row for row in rows]
    order = [0, 1, 2]
    if rows and not _is_number(rows[0][0]):
        names = [cell.lower() for cell in rows.pop(0)]
        if not {"x", "y", "z"} <= set(names):
            raise UsageError("OP-CURVE", "the points have a header without x, y and z; wanted these, or three columns")
        order = [names.index(name) for name in ("x", "y", "z")]
    try:
        if any(len(row) <= max(order) or (order == [0, 1, 2] and len(row) != 3) for row in rows):
            raise ValueError
        return [[float(row[k]) for k in order] for row in rows]
    except ValueError:
        raise UsageError("OP-CURVE", "a line is not three numbers; wanted x y z, mm, in each") from None


def _is_number(text: str) -> bool:
    return re.fullmatch(_NUMBER, text) is not None


#: A parameter that is a curve: its points, or a file of them.
CurvePoints = Curve | str | Path | ArrayLike


@dataclass(frozen=True, eq=False)
class Way:
    """Steps of one length along a smooth curve, and directions across it.

    *2026-12-01.* The directions turn with the curve as little as they can (double reflection: Wang, Juettler, Zheng,
    Liu 2008): those of Frenet's formulas flip where a vessel bends the other way, and are none where it is straight.

    Parameters
    ----------
    curve : Curve
    step_mm : float
        Along the curve; the last step ends at most this far before its end.
    up : (x, y, z), optional
        What is up across the curve where it begins; without it the head, or the front where it runs along the body.
    """

    curve: Curve
    step_mm: float
    up: Triple | None = None

    @cached_property
    def _smooth(self) -> tuple[Any, Vector]:
        import scipy.interpolate

        points = np.array(self.curve.points)
        along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
        return scipy.interpolate.CubicSpline(along, points), along

    @cached_property
    def _places(self) -> Vector:
        """(steps,): where on the spline the steps are, of one length along it."""
        spline, along = self._smooth
        count = max(int(np.ceil(along[-1] / self.step_mm)), len(along)) * FINENESS
        fine = np.linspace(0.0, along[-1], count + 1)
        lengths = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(spline(fine), axis=0), axis=1))])
        steps = np.arange(int(np.floor(lengths[-1] / self.step_mm + 1e-6)) + 1) * self.step_mm
        return np.asarray(np.interp(steps, lengths, fine))

    @cached_property
    def points(self) -> Vector:
        """(steps, 3) mm."""
        return np.asarray(self._smooth[0](self._places), np.float64)

    @cached_property
    def tangents(self) -> Vector:
        """(steps, 3): unit vectors."""
        found = np.asarray(self._smooth[0](self._places, 1), np.float64)
        return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True))

    @cached_property
    def downs(self) -> Vector:
        """(steps, 3): unit vectors across the curve, down the column of the image.

        Raises
        ------
        UsageError
            ``OP-UP`` for an up that runs along the curve where it begins.
        """
        points, tangents = self.points, self.tangents
        found = np.empty_like(points)
        found[0] = -self._first_up(tangents[0])
        for k in range(len(points) - 1):
            found[k + 1] = _carried(found[k], points[k : k + 2], tangents[k : k + 2])
        return found

    def _first_up(self, tangent: Vector) -> Vector:
        up = unit(self.up, "OP-UP", "up") if self.up is not None else FRONT if abs(tangent[2]) > np.sqrt(0.5) else HEAD
        across = up - float(up @ tangent) * tangent
        length = float(np.linalg.norm(across))
        if length < PARALLEL:
            raise UsageError("OP-UP", f"up {self.up} runs along the curve where it begins; wanted what is up across it")
        return np.asarray(across / length)

    @property
    def normals(self) -> Vector:
        """(steps, 3): the direction in which the image is looked at."""
        return np.cross(self.tangents, self.downs)


def _carried(across: Vector, points: Vector, tangents: Vector) -> Vector:
    """Carry a direction a step on: reflected in the plane between two points, and in that between their tangents."""
    between = points[1] - points[0]
    squared = float(between @ between)
    once, tangent = (v - 2 / squared * float(between @ v) * between for v in (across, tangents[0]))
    left = tangents[1] - tangent
    rest = float(left @ left)
    twice = once if rest < 1e-24 else once - 2 / rest * float(left @ once) * left
    twice = twice - float(twice @ tangents[1]) * tangents[1]
    return np.asarray(twice / np.linalg.norm(twice))
