"""Volumes of a series as the samples of a curve: which of them go together, and their values slab by slab."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from derive.errors import UsageError
from derive.model.dimension import Dimension, DimensionValue, dimensions_told, value_told
from derive.model.frames import Volumes
from derive.model.reference import FrameRef
from derive.model.volume import Array, Quantity, SliceBySlice, Volume
from derive.told.wording import counted, flag

#: Makes values of the samples of some pixels: (samples, pixels) float64, NaN where there is none.
Curve = Callable[[NDArray[np.float64], tuple[float, ...]], NDArray[np.float64]]
#: How far a value may be from the one that was asked for, relative to it: machines write 999.8 for 1000.
_ALIKE = 2e-3


class SampleSet(NamedTuple):
    """The samples of one result.

    Parameters
    ----------
    at : tuple of float
        Where they are, ascending.
    members : tuple of tuple of int
        The volumes of each, which are averaged.
    """

    at: tuple[float, ...]
    members: tuple[tuple[int, ...], ...]

    @property
    def first(self) -> int:
        """The first volume."""
        return min(min(each) for each in self.members)


class Sampling(NamedTuple):
    """How volumes become samples.

    Parameters
    ----------
    keyword : str
        Of the dimension of the curve.
    least : int
        So many samples a curve needs.
    averaged : tuple of str
        Keywords of dimensions along which volumes are averaged.
    only : tuple of float, optional
        The values that enter; None for all.
    name : str
        Of the parameter that says them, for messages.
    what : str
        What needs them, for messages.
    """

    keyword: str
    least: int = 2
    averaged: tuple[str, ...] = ()
    only: tuple[float, ...] | None = None
    name: str = ""
    what: str = "a curve"


def samples_of(volumes: Volumes, sampling: Sampling) -> list[SampleSet]:
    """Group volumes that differ in nothing but where their sample is, and in what is averaged.

    Raises
    ------
    UsageError
        ``OP-SAMPLES`` for a series that has not the dimension, or too few values of it, in any group.
    """
    dimension = next((d for d in volumes.dimensions if d.keyword == sampling.keyword), None)
    if dimension is None:
        raise UsageError("OP-SAMPLES", f"{_found(volumes)}; wanted images of several {sampling.keyword}")
    chosen = _chosen(dimension, sampling)
    groups: dict[tuple[DimensionValue, ...], dict[float, list[int]]] = {}
    others = [d for d in volumes.dimensions if d is not dimension and d.keyword not in sampling.averaged]
    for volume, value in chosen.items():
        key = tuple(d.values[volume] for d in others)
        groups.setdefault(key, {}).setdefault(value, []).append(volume)
    fewest = min(len(group) for group in groups.values())
    if fewest < sampling.least:
        beside = f", for each of {', '.join(d.keyword for d in others)}" if len(groups) > 1 else ""
        raise UsageError(
            "OP-SAMPLES",
            f"{counted(fewest, 'value')} of {sampling.keyword}{beside}, and {sampling.what} needs {sampling.least}; "
            f"{_found(volumes)}",
        )
    return [SampleSet(tuple(sorted(g)), tuple(tuple(g[value]) for value in sorted(g))) for g in groups.values()]


def _found(volumes: Volumes) -> str:
    if not volumes.dimensions:
        return "the series is one volume"
    return f"the volumes are told apart by {dimensions_told(volumes.dimensions)}"


def _chosen(dimension: Dimension, sampling: Sampling) -> dict[int, float]:
    """Return the volumes that enter, and where their samples are."""
    said = {k: float(v) for k, v in enumerate(dimension.values) if isinstance(v, int | float)}
    if not said:
        raise UsageError("OP-SAMPLES", f"{dimension.keyword} has no numbers")
    if sampling.only is None:
        return said
    chosen = {k: w for k, v in said.items() for w in sampling.only if _alike(v, w)}
    missing = [w for w in sampling.only if w not in chosen.values()]
    if missing:
        there = ", ".join(value_told(v) for v in sorted(set(said.values())))
        raise UsageError(
            "OP-SAMPLES",
            f"no image has {dimension.keyword} {', '.join(map(value_told, missing))}; there are {there}: "
            f"{flag(sampling.name, 'N,N')}",
        )
    return chosen


def _alike(one: float, other: float) -> bool:
    return math.isclose(one, other, rel_tol=_ALIKE, abs_tol=1e-9)


def fitted(volumes: Volumes, sampling: Sampling, curve: Curve, quantity: Quantity, floor: float) -> Volumes:
    """Make one volume of every group of samples; nothing is computed before a slab is asked for.

    Parameters
    ----------
    volumes : Volumes
    sampling : Sampling
    curve : callable
        Padding where it gives none.
    quantity : Quantity
        What it gives.
    floor : float
        Signals at or below it do not count.

    Raises
    ------
    UsageError
        As :func:`samples_of`.
    """
    samples = samples_of(volumes, sampling)
    made = tuple(_one(volumes, each, curve, replace(quantity, padded=True), floor) for each in samples)
    others = [d for d in volumes.dimensions if d.keyword not in (sampling.keyword, *sampling.averaged)]
    kept = [replace(d, values=tuple(d.values[each.first] for each in samples)) for d in others]
    apart = tuple(d for d in kept if len(set(d.values)) > 1) if len(made) > 1 else ()
    return Volumes(made, apart, source=volumes.source)


def _one(volumes: Volumes, samples: SampleSet, curve: Curve, quantity: Quantity, floor: float) -> Volume:
    members = [[volumes.volumes[v] for v in each] for each in samples.members]
    all_of_them = [volume for each in members for volume in each]

    def pull(begin: int, end: int) -> Array:
        signals = np.stack([_mean(each, begin, end) for each in members])
        with np.errstate(invalid="ignore"):
            signals[~(signals > floor)] = np.nan
        shape = signals.shape[1:]
        flat = signals.reshape(len(members), -1)
        out = np.full(flat.shape[1], np.nan)
        there = np.isfinite(flat).sum(axis=0) >= 2  # what no curve goes through costs nothing
        if there.any():
            out[there] = curve(flat[:, there], samples.at)
        return np.where(np.isfinite(out), out, np.nan).reshape(shape).astype(np.float32)

    def contributors(index: int) -> tuple[FrameRef, ...]:
        return tuple(sorted({ref for volume in all_of_them for ref in volume.contributors(index)}))

    return Volume(all_of_them[0].geometry, SliceBySlice(pull), contributors, quantity)


def _mean(members: Sequence[Volume], begin: int, end: int) -> NDArray[np.float64]:
    """Return the geometric mean of volumes, as of directions that make a trace; padding in any is padding."""
    if len(members) == 1:
        return members[0].slab(begin, end).astype(np.float64)
    logs: NDArray[np.float64] | None = None
    with np.errstate(divide="ignore", invalid="ignore"):
        for volume in members:
            more = np.log(volume.slab(begin, end).astype(np.float64))
            logs = more if logs is None else logs + more
        assert logs is not None, "there is a member"
        return np.asarray(np.exp(logs / len(members)))
