"""What is looked at: values at their place, and how they are meant to be shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias, Unpack

import numpy as np

from derive.authoring.window import kept_window
from derive.builder import DerivedSeries
from derive.errors import UsageError, ValuesError
from derive.formats import Samples, is_volume_or_picture, open_file
from derive.model.classes import target_of
from derive.model.colours import Colours
from derive.model.geometry import Geometry, extent_of
from derive.model.grey import Grey, of_series, of_window
from derive.model.reorient import Wish, place
from derive.model.source import Attributes, SourceSeries
from derive.model.stacking import coloured, in_colours
from derive.model.volume import Array, Volume, shown_units
from derive.reading.choice import Chosen
from derive.reading.read import read

Shown: TypeAlias = Volume | SourceSeries | DerivedSeries | str | Path | list[str]
PET_INVERTED = "PET in inverted grey"
OF_MONOCHROME1 = "MONOCHROME1: the least value is white"


@dataclass(frozen=True)
class Sight:
    """What is looked at.

    Parameters
    ----------
    volume : Volume
    name : str
        Modality and Series Description, or the name of a file; no patient.
    grey : Grey, optional
        Its own window; None where it has none.
    inverted : str
        Why the least value is white; empty where it is black.
    patient : str
        Name and ID, for who asks for it.
    placed : bool
        Whether it is known how it lies in the patient.
    sized : bool
        Whether its spacing is known.
    of_volumes : int
        How many volumes there are; this is the first of them.
    colours : tuple of Volume
        Of what is in colours green and blue, beside `volume`, which is red; none of grey.
    """

    volume: Volume
    name: str
    grey: Grey | None = None
    inverted: str = ""
    patient: str = ""
    placed: bool = True
    sized: bool = True
    of_volumes: int = 1
    colours: tuple[Volume, ...] = ()

    @property
    def geometry(self) -> Geometry:
        """Where the voxels are."""
        return self.volume.geometry

    @property
    def units(self) -> str:
        """Units of the values."""
        return self.volume.quantity.units

    @property
    def extent(self) -> str:
        """How many voxels of what size, for people."""
        what = "volumes" if self.geometry.in_patient else "frames"
        several = f", the first of {self.of_volumes} {what}" if self.of_volumes > 1 else ""
        return extent_of(self.geometry, sized=self.sized) + several

    def values_text(self) -> str:
        """Units, for people."""
        if self.colours:
            return "red, green and blue"
        return f"values in{shown_units(self.units)}" if shown_units(self.units) else "values without units"


def sight_of(
    what: Shown,
    series: str | None = None,
    assume: Mapping[str, object] | None = None,
    **chosen: Unpack[Chosen],
) -> Sight:
    """Return what a series, a volume, a folder or a file shows.

    Parameters
    ----------
    what : Volume, SourceSeries, DerivedSeries or path
        A path names a folder, an archive or files of one DICOM series, or a volume in another format.
    series : str, optional
        Which series of a path; see :func:`derive.read`.
    assume : mapping keyword -> value, optional
        What its files do not say; see :func:`derive.read`.
    **chosen
        Which stack, volumes or frames of a path; see :func:`derive.read`. Of several volumes the first is shown.

    Raises
    ------
    UsageError
        ``SHOW-INPUT`` for anything else, ``SHOW-PICTURES`` for pictures, which are no volume.
    SourceError, GeometryError, ValuesError
        For a path that cannot be read as one volume.
    """
    if isinstance(what, Volume):
        return _looked_at(Sight(what, "volume"))
    if isinstance(what, SourceSeries):
        return _of_series(what)
    if isinstance(what, DerivedSeries):
        return _of_derived(what)
    paths = [what] if isinstance(what, str | Path) else what
    if not isinstance(paths, list | tuple) or not paths or not all(isinstance(p, str | Path) for p in paths):
        raise UsageError("SHOW-INPUT", f"{type(what).__name__} cannot be shown; wanted a series, a volume or a path")
    path = Path(paths[0])
    if len(paths) == 1 and path.is_file() and is_volume_or_picture(path) and not _is_dicom(path):
        return _of_samples(open_file(path))
    return _of_series(read(path if len(paths) == 1 else paths, series=series, assume=assume, **chosen))


def _is_dicom(path: Path) -> bool:
    """Whether a file is DICOM whatever its name says: ``.img`` is used for many things."""
    try:
        with path.open("rb") as stream:
            return stream.read(132)[128:] == b"DICM"
    except OSError:
        return False  # whoever opens it next says why


def _of_series(series: SourceSeries) -> Sight:
    modality = _text(series, "Modality")
    dark_is_most = _text(series, "PhotometricInterpretation") == "MONOCHROME1"
    inverted = OF_MONOCHROME1 if dark_is_most else PET_INVERTED if target_of(series.sop_class_uid).inverted else ""
    name = _named(modality, _text(series, "SeriesDescription"))
    if in_colours(series):
        return _of_colours(coloured(series, uneven=True), name, _patient(series))
    volumes, grey = series.volumes, of_series(series, series.geometry.shape[0])
    return _looked_at(Sight(volumes[0], name, grey, inverted, _patient(series), of_volumes=len(volumes)))


def _of_derived(series: DerivedSeries) -> Sight:
    volumes = series.frames.volumes
    if isinstance(series.frames, Colours):
        described = series.options.series_description or series.derivation.description
        return _of_colours(series.frames, _named(_text(series.source, "Modality"), described), _patient(series.source))
    volume = volumes[0] if volumes else series.volume  # which says why there is none
    target = series.order.target
    window = kept_window(series.order)
    name = _named(target.modality, series.options.series_description or series.derivation.description)
    inverted = PET_INVERTED if target.inverted else ""
    grey, patient = of_window(window) if window else None, _patient(series.source)
    return _looked_at(Sight(volume, name, grey, inverted, patient, of_volumes=len(volumes)))


def _of_colours(colours: Colours, name: str, patient: str) -> Sight:
    first, *others = (sample.first for sample in colours.samples)
    count = len(colours.red.volumes)
    return _looked_at(Sight(first, name, patient=patient, of_volumes=count, colours=tuple(others)))


def _looked_at(sight: Sight) -> Sight:
    """Say of what lies in no patient that no letters can be shown, and no lengths where pixels have no size."""
    own = sight.geometry.own_plane
    return sight if own is None else replace(sight, placed=False, sized=own.sized)


def _named(modality: str, description: str) -> str:
    """Join them, on one line whatever characters they hold."""
    name = " · ".join(filter(None, [modality, description])) or "series"
    return "".join(c if c.isprintable() else " " for c in name)


def _text(source: Attributes, keyword: str) -> str:
    """Value of the first image; empty without."""
    return source.text(keyword, 0)


def _patient(source: Attributes) -> str:
    return ", ".join(filter(None, [_text(source, "PatientName"), _text(source, "PatientID")]))


def _of_samples(samples: Samples) -> Sight:
    """Look at a volume that is no DICOM; of one that does not say where it lies, no letters are shown."""
    if samples.colour:
        raise ValuesError("SHOW-COLOUR", f"{samples.name} is in colour; wanted one value a voxel")
    placed, spacing = samples.affine is not None, samples.spacing_mm
    affine = samples.affine if samples.affine is not None else np.diag([*(spacing or (1.0, 1.0, 1.0)), 1.0])
    placing = place(affine, samples.array.shape[:3], Wish(slice_axis=samples.slice_axis))
    numbers, (slope, intercept) = placing.of(samples.array), samples.scale

    def pull(first: int, last: int) -> Array:
        values: Array = (numbers[0, first:last].astype(np.float64) * slope + intercept).astype(np.float32)
        values[~np.isfinite(values)] = np.nan
        return values

    volume = Volume(placing.geometry, pull, contributors=_nothing)
    name, sized = f"{samples.format} · {samples.name}", placed or spacing is not None
    return Sight(volume, name, placed=placed, sized=sized, of_volumes=samples.times)


def _nothing(index: int) -> tuple[Any, ...]:
    return ()
