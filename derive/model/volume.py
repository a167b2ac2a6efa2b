"""Values on a geometry, pulled in slabs.

A volume answers for any run of slices; an operation is a volume that asks its upstream for the slices
it needs. Nothing is computed before it is asked for, and a series costs the memory of a few slices.
"""

from __future__ import annotations

import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, NamedTuple, NoReturn, Protocol, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

import codes
from codes import Code
from derive import standard
from derive.errors import UsageError, ValuesError
from derive.model.geometry import Geometry, extent_of
from derive.model.reference import FrameRef, of_principal
from derive.told.secrecy import shown_term
from derive.told.wording import counted

Array = NDArray[np.float32]
Pull = Callable[[int, int], Array]
Contributors = Callable[[int], tuple[FrameRef, ...]]


class Number(NamedTuple):
    """A number that defines a quantity, and its unit (UCUM)."""

    value: float
    units: str


#: What defines a quantity: names, and what each of them is (PS3.3 C.7.6.16.2.11, Quantity Definition Sequence).
Definition: TypeAlias = tuple[tuple[Code, Code | Number], ...]


@dataclass(frozen=True)
class Quantity:
    """What the values of a volume are.

    Parameters
    ----------
    units : str
        As the class says them: CT Rescale Type (``HU``), PET Units (0054,1001), MR a UCUM code (``1``).
    fill : float
        Value of space outside the measured field: air in CT (-1000), 0 in MR and PET.
    padded : bool
        Whether NaN (pixel padding) can occur.
    step : float, optional
        Smallest difference that stored values of the source can have; None where that is not known.
    made_by : str
        The function of a user's that made the values, where nobody said what they are since.
    cyclic : bool
        Whether values wrap around, as those of a phase do: the mean of neighbours then is no value between them.
    concept : Code, optional
        What the quantity is (CID 7180); None of values as they were acquired, and of what nobody said.
    definition : tuple of (name, Code or Number)
        By what method it was made, and from what.
    label : str
        What it is called in a few characters: LUT Label.
    unit : str
        Its unit in UCUM, where `units` is a term of the class.
    stored_step : float, optional
        In steps of what it is stored where a class has no rescale: readers that apply no mapping see numbers that
        people know; None: the finest power of ten.
    """

    units: str = "1"
    fill: float = 0.0
    padded: bool = False
    step: float | None = None
    made_by: str = ""
    cyclic: bool = False
    concept: Code | None = None
    definition: Definition = ()
    label: str = ""
    unit: str = ""
    stored_step: float | None = None

    def unnamed(self, units: str | None = None) -> Quantity:
        """Return that of values which are made of these and are another quantity, which has no name."""
        named = replace(self, units=self.units if units is None else units, concept=None, definition=(), label="")
        return replace(named, unit="", stored_step=None)


def shown_units(units: str) -> str:
    """Units behind a number, with the blank before them; nothing where their code is none that people read."""
    return "" if units == "1" else f" {known_units(units)}"


def known_units(units: str) -> str:
    """Return units as they may be shown: Rescale Type can hold any text."""
    return shown_term(units, standard.known_terms() | _units_of_ucum() | {"1"})


@cache
def _units_of_ucum() -> frozenset[str]:
    """Units that PS3.16 names for values of images."""
    return frozenset(code.value for group in (83, 7181) for code in codes.context_group(group).codes)


#: Slices that are computed together; frames that are encoded and written at a time.
SLAB = 8


@dataclass(frozen=True)
class SliceBySlice:
    """Computes slices of which each is the same, however many are asked for.

    Parameters
    ----------
    pull : callable (first, last) -> (last - first, rows, columns) float32
    """

    pull: Pull

    def __call__(self, first: int, last: int) -> Array:
        """Compute slices `first` to `last`."""
        return self.pull(first, last)


class _Windows:
    """The windows that were filled last: of hundreds of volumes one after another only a few keep their slices.

    *2026-12-01.* A chain of operations on a volume fills a window a step, and comes back to all of them for its next
    slab; a series of many volumes never comes back to one that is done. One that is emptied too early is only
    computed again.
    """

    #: Steps of a chain, generously.
    most = 24

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._filled: OrderedDict[int, weakref.ref[_Window]] = OrderedDict()

    def filled(self, window: _Window) -> None:
        """Remember a window as the last one that was filled, and empty the one that was so longest ago."""
        with self._lock:
            self._filled[id(window)] = weakref.ref(window)
            self._filled.move_to_end(id(window))
            oldest = self._filled.popitem(last=False)[1]() if len(self._filled) > self.most else None
        if oldest is not None and oldest is not window and oldest.lock.acquire(blocking=False):
            try:
                oldest.empty()
            finally:
                oldest.lock.release()


_WINDOWS = _Windows()


class _Window:
    """The slices that were asked for last, so that overlapping requests compute each of them once.

    They are computed in blocks that begin at a multiple of 8, whoever asks for what and when (2026-11-30): a filter
    chooses its precision, and a function of the user's its borders, by what it gets. If that followed from the
    requests, threads that share a volume would get other values than one alone.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.empty()

    def empty(self) -> None:
        """Forget the slices."""
        self.first = 0
        self.slab: Array = np.empty((0, 0, 0), np.float32)
        self.kinds: dict[int, np.dtype[Any]] = {}

    def slices(self, pull: Pull, first: int, last: int) -> Array:
        """Return slices `first` to `last`; of them only those are computed that are not at hand."""
        begin = first - self.first
        at_hand = self.slab[begin : last - self.first] if 0 <= begin < len(self.slab) else self.slab[:0]
        missing = first + len(at_hand)
        if missing == last:
            return at_hand
        pulled = pull(missing, last)
        slab = self.slab = _read_only(np.concatenate([at_hand, pulled]) if len(at_hand) else pulled)
        self.first = first
        _WINDOWS.filled(self)
        return slab

    def blocks(self, pull: Pull, first: int, last: int, count: int) -> Array:
        """Return slices `first` to `last`; the blocks of them that are not at hand are computed."""
        starts = range(first // SLAB * SLAB, last, SLAB)
        if not all(start in self.kinds for start in starts):
            self._fill(pull, starts, count)
        kind = np.result_type(*(self.kinds[start] for start in starts))  # another block at hand may be wider
        return _read_only(self.slab[first - self.first : last - self.first].astype(kind, copy=False))

    def _fill(self, pull: Pull, starts: range, count: int) -> None:
        end = min(starts[-1] + SLAB, count)
        kinds: dict[int, np.dtype[Any]] = {}
        slab = self.slab[:0]
        for start in starts:
            block = self._block(start) if start in self.kinds else pull(start, min(start + SLAB, end))
            kinds[start] = self.kinds.get(start, block.dtype)
            if len(starts) == 1:
                slab = block
            elif start == starts[0] or block.dtype.itemsize > slab.dtype.itemsize:
                wider = np.empty((end - starts[0], *block.shape[1:]), block.dtype)
                if start > starts[0]:
                    wider[: start - starts[0]] = slab[: start - starts[0]]
                slab = wider
            if slab is not block:
                slab[start - starts[0] : start - starts[0] + len(block)] = block
        self.first, self.slab, self.kinds = starts[0], slab, kinds
        _WINDOWS.filled(self)

    def _block(self, start: int) -> Array:
        return self.slab[start - self.first : start - self.first + SLAB]


@dataclass(frozen=True, eq=False)
class Volume:
    """Real-world values on a geometry.

    Parameters
    ----------
    geometry : Geometry
    pull : callable (first, last) -> (last - first, rows, columns) float32
        Computes slices; called only for slices that are not at hand. NaN marks pixel padding.
    contributors : callable (slice) -> tuple of FrameRef
        The frames of the sources whose pixels entered this slice, in order.
    quantity : Quantity
    value_range : (float, float), optional
        Bounds that no value can leave; None when only the data can tell.
    """

    geometry: Geometry
    pull: Pull
    contributors: Contributors
    quantity: Quantity = Quantity()
    value_range: tuple[float, float] | None = None
    _window: _Window = field(default_factory=_Window, init=False, repr=False)

    @classmethod
    def from_array(cls, array: ArrayLike, geometry: Geometry, quantity: Quantity | None = None) -> Volume:
        """Make a volume of values that are in memory.

        Parameters
        ----------
        array : (slices, rows, columns)
            Real-world values, copied; NaN marks pixel padding.
        geometry : Geometry
            Of the same shape.
        """
        values = np.array(array, dtype=np.float32, order="C")  # the caller's own stays the caller's
        if values.shape != geometry.shape:
            raise ValuesError("VAL-SHAPE", f"array of shape {values.shape} on a geometry of shape {geometry.shape}")
        if np.isinf(values).any():
            raise ValuesError(
                "VAL-NONFINITE", f"{counted(int(np.isinf(values).sum()), 'infinite value')}; none can be stored"
            )
        values.flags.writeable = False
        if quantity is None:
            quantity = Quantity()
        return cls(
            geometry,
            pull=SliceBySlice(lambda first, last: values[first:last]),
            contributors=lambda index: of_principal([index]),
            quantity=replace(quantity, padded=bool(np.isnan(values).any())),
        )

    def __reduce__(self) -> NoReturn:
        """Say why a volume cannot go to another process."""
        raise UsageError(
            "OPT-PICKLE",
            "a volume computes its values when they are asked for, and cannot be pickled: send numpy.asarray(volume) "
            "and volume.geometry, or let the other process read the files",
        )

    def __copy__(self) -> Volume:
        """Nothing of it changes."""
        return self

    def __repr__(self) -> str:
        """How many voxels, of what size, in which units; nothing is computed."""
        units = shown_units(self.quantity.units)
        return f"<Volume: {extent_of(self.geometry)}{units and f', in{units}'}>"

    def _repr_html_(self) -> str:
        """What a notebook shows of it."""
        from derive.display.html import html_of_volume

        return html_of_volume(self)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(slices, rows, columns)."""
        return self.geometry.shape

    @property
    def count(self) -> int:
        """How many slices there are."""
        return self.shape[0]

    def slab(self, first: int, last: int) -> Array:
        """Return slices `first` (included) to `last` (excluded).

        Returns
        -------
        (last - first, rows, columns) float32, read-only; NaN marks pixel padding
        """
        if not 0 <= first < last <= self.count:
            raise ValuesError("VAL-SLAB", f"slices {first}..{last} asked of a volume of {self.count}")
        with self._window.lock:
            if isinstance(self.pull, SliceBySlice):
                return self._window.slices(self.pull, first, last)
            return self._window.blocks(self.pull, first, last, self.count)

    def contributors_of(self, indices: Iterable[int]) -> tuple[FrameRef, ...]:
        """The frames of the sources whose pixels entered any of these slices, in order."""
        return tuple(sorted({ref for k in indices for ref in self.contributors(k)}))

    @property
    def array(self) -> Array:
        """All slices: (slices, rows, columns) float32, read-only; NaN marks pixel padding."""
        return self.slab(0, self.count)

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        """Give :func:`numpy.asarray` the values: (slices, rows, columns), NaN where there is padding."""
        return as_array(self, dtype, copy)

    def filled(self) -> Array:
        """All slices as a new array in which pixel padding has the fill value of the quantity."""
        values = np.array(self.array)
        values[np.isnan(values)] = self.quantity.fill
        return values

    def with_array(self, array: ArrayLike, geometry: Geometry | None = None) -> Volume:
        """Return new values of the same quantity, on the same geometry unless another is given."""
        return Volume.from_array(array, geometry or self.geometry, self.quantity)


def as_array(volume: Volume, dtype: DTypeLike | None, copy: bool | None) -> NDArray[Any]:
    """Return all values as numpy's protocol of arrays asks (NEP 56).

    Raises
    ------
    ValueError
        For another type without a copy, as the protocol has it.
    ValuesError
        ``VAL-NONFINITE`` for whole numbers, of values with padding, which they do not have.
    """
    values = volume.array
    wanted = np.dtype(dtype or values.dtype)
    if wanted.kind in "iub" and np.isnan(values).any():
        message = f"pixel padding is NaN, which {wanted} does not have; volume.filled() puts the fill value there"
        raise ValuesError("VAL-NONFINITE", message)
    if copy is False and wanted != values.dtype:
        raise ValueError(f"values of type {values.dtype} cannot be given as {wanted} without a copy")
    return np.array(values, wanted) if copy else values.astype(wanted, copy=False)


def _read_only(values: Array) -> Array:
    view = values.view()
    view.flags.writeable = False
    return view


class Slabs(Protocol):
    """What gives its values some frames at a time: a volume, or the frames of a result."""

    @property
    def count(self) -> int:
        """How many frames there are."""

    def slab(self, first: int, last: int) -> NDArray[Any]:
        """Values of frames `first` (included) to `last` (excluded)."""


def slabs(values: Slabs) -> Iterator[tuple[int, NDArray[Any]]]:
    """All values in order, as (first frame, slab)."""
    count = values.count
    for first in range(0, count, SLAB):
        yield first, values.slab(first, min(count, first + SLAB))
