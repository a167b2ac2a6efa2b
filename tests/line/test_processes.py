"""Errors come back whole from other processes; what cannot go there says why; archives are read there too."""

from __future__ import annotations

import copy
import multiprocessing
import pickle
import zipfile

import numpy as np
import pytest

import derive
from derive.checking import Finding
from derive.errors import DeriveError, InvalidInstance
from derive.operations import gaussian_blur
from tests.helpers.asserting import each
from tests.helpers.sources import make_series


def subclasses(kind):
    return {kind}.union(*map(subclasses, kind.__subclasses__()))


def an_error(kind):
    if kind is InvalidInstance:
        return kind([Finding("error", "CHK-TYPE1", "Rows", "image-pixel", "type 1", "PS3.3", "is empty", "a.dcm")])
    error = kind.__new__(kind, "SRC-GAP: a gap")
    DeriveError.__init__(error, "SRC-GAP", "a gap", files=["a.dcm"], step_mm=2.5, lock=object)
    return error


def ask(path):
    return derive.read(path).volume.array.sum()


def refuse(_):
    raise an_error(derive.errors.GeometryError)


@pytest.mark.parametrize("kind", sorted(subclasses(DeriveError), key=lambda k: k.__name__), ids=lambda k: k.__name__)
def test_every_error_comes_back_whole(kind):
    error = an_error(kind)
    back = pickle.loads(pickle.dumps(error))
    assert type(back) is kind
    assert (str(back), back.code, back.message, back.exit_code) == (
        str(error),
        error.code,
        error.message,
        error.exit_code,
    )
    assert back.facts.keys() == error.facts.keys()
    assert getattr(back, "findings", None) == getattr(error, "findings", None)


def test_facts_that_cannot_go_come_as_text():
    error = DeriveError("X-Y", "text", lock=multiprocessing.Lock(), size=3)
    back = pickle.loads(pickle.dumps(error))
    assert back.facts["size"] == 3
    assert isinstance(back.facts["lock"], str)


@pytest.mark.parametrize("start", sorted({"spawn", "fork"} & set(multiprocessing.get_all_start_methods())))
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_an_archive_is_read_in_another_process(start, tmp_path):
    for index, dataset in enumerate(make_series("CT")):
        dataset.save_as(tmp_path / f"{index}.dcm", enforce_file_format=True)
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for path in sorted(tmp_path.glob("*.dcm")):
            archive.write(path, path.name)
    source = derive.read(tmp_path / "a.zip")
    wanted = source.volume.array.sum()
    with multiprocessing.get_context(start).Pool(1) as pool:
        assert pool.apply(ask, (tmp_path / "a.zip",)) == wanted
        with pytest.raises(derive.errors.GeometryError, match="SRC-GAP") as caught:
            pool.apply(refuse, (1,))
    assert caught.value.facts["step_mm"] == 2.5


def test_a_source_series_goes_to_another_process(tmp_path):
    for index, dataset in enumerate(make_series("CT")):
        dataset.save_as(tmp_path / f"{index}.dcm", enforce_file_format=True)
    source = derive.read(tmp_path)
    back = pickle.loads(pickle.dumps(source))
    np.testing.assert_array_equal(back.volume.array, source.volume.array)
    assert back.table.constant == source.table.constant


def test_what_is_computed_later_says_why_it_cannot_go():
    source = derive.read(make_series("CT"))
    for thing in each([source.volume, derive.build(source, gaussian_blur(sigma_mm=1))]):
        with pytest.raises(derive.errors.UsageError, match="OPT-PICKLE"):
            pickle.dumps(thing)
    assert copy.copy(source.volume).array is not None
