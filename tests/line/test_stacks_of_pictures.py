"""A series of views of several matrices and pixel spacings: the commands make all of them, each stack by itself."""

from __future__ import annotations

import numpy as np
import pytest
from pydicom import dcmread

import derive
from derive.errors import GeometryError
from derive.many.deriving import derive_series
from derive.many.outcome import Ending
from derive.many.plan import Plan
from derive.operations import gaussian_blur
from tests.helpers.asserting import each, raises_code
from tests.helpers.commands import run
from tests.helpers.kinds import sibling
from tests.helpers.projections import make_projection, stored_of
from tests.helpers.source_files import save
from tests.helpers.sources import make_series

SHAPES = ((12, 14), (12, 14), (16, 10), (12, 14))
#: Of the last view the detector has smaller pixels.
FINE = {"ImagerPixelSpacing": [0.05, 0.05]}


def views(kind="MG"):
    bits = 8 if kind == "US" else 16
    made = [make_projection(kind, stored_of(bits, shape, seed=n), n) for n, shape in enumerate(SHAPES, 1)]
    made[-1].update({} if kind == "US" else {k: v for k, v in FINE.items() if k in made[-1]})
    return made


def saved(datasets, folder):
    folder.mkdir()
    for number, dataset in enumerate(datasets):
        save(dataset, folder / f"{number}.dcm")
    return folder


def written(folder):
    """The images of each folder below one, in order."""
    return [[dcmread(path) for path in sorted(below.glob("*.dcm"))] for below in sorted(folder.iterdir())]


@pytest.mark.parametrize(("kind", "stacks"), [("MG", [1, 2, 1]), ("DX", [1, 2, 1]), ("US", [3, 1])])
def test_all_stacks_are_made_and_each_is_what_it_is_alone(kind, stacks, tmp_path, capsys):
    source = saved(views(kind), tmp_path / "source")
    width = ["--sigma-px", 1] if kind == "US" else ["--sigma-mm", 0.2]
    said = ["--series-description", "soft", "--series-number", 70, "-q"]
    assert run("gaussian-blur", source, "-o", tmp_path / "out", *width, *said) == 0
    made = written(tmp_path / "out")
    assert [len(images) for images in made] == stacks
    assert len({image.SeriesInstanceUID for images in made for image in images}) == len(stacks)
    assert {image.StudyInstanceUID for images in made for image in images} == {views(kind)[0].StudyInstanceUID}
    for number, images in enumerate(made, 1):
        alone = tmp_path / f"alone-{number}"
        assert run("gaussian-blur", source, "-o", alone, *width, "--stack", number, "-q") == 0
        for one, other in zip(images, map(dcmread, sorted(alone.glob("*.dcm"))), strict=True):
            np.testing.assert_array_equal(one.pixel_array, other.pixel_array)
            assert one.get("ImagerPixelSpacing") == other.get("ImagerPixelSpacing")
            assert one.SourceImageSequence == other.SourceImageSequence
        assert {image.SeriesNumber for image in images} == {69 + number}
        assert images[0].SeriesDescription.startswith(f"soft, {images[0].Columns} x {images[0].Rows}")
    assert run("check", tmp_path / "out", "--fail-on", "error") == 0
    capsys.readouterr()
    assert run("verify", tmp_path / "out", "--sources", source) == 0
    assert f"SAME: all {len(stacks)} series" in capsys.readouterr().out


def test_what_is_read_or_chosen_is_one_stack_unless_all_are_asked_for():
    with raises_code("GEO-MATRIX", GeometryError):
        derive.read(views())
    source = derive.read(views(), every_stack=True)
    assert [one.geometry.shape[1:] for one in (source, *source.beside)] == [(12, 14), (12, 14), (16, 10)]
    assert derive.read(views(), every_stack=True, stack=3).beside == ()
    assert derive.read(views(), every_stack=True, where={"InstanceNumber": 3}).beside == ()
    some = derive.read(views(), every_stack=True, frames="1-3")
    assert [len(one.frames) for one in (some, *some.beside)] == [2, 1]
    with raises_code("GEO-MATRIX", GeometryError):
        derive.read(views(), every_stack=True, volumes=1)


def test_stacks_in_a_patient_and_pictures_of_several_classes_are_still_chosen():
    ct = [*make_series("CT", count=3), *sibling(make_series("CT", count=3, shape=(10, 10)))]
    for dataset in ct:
        dataset.SeriesInstanceUID = ct[0].SeriesInstanceUID
    with raises_code("GEO-MATRIX", GeometryError):
        derive.read(ct, every_stack=True)
    mixed = [make_projection("DX", number=1), make_projection("DX raw", number=2)]
    with raises_code("SRC-CLASS", derive.SourceError):
        derive.read(mixed, every_stack=True)


def test_a_plan_and_a_dry_run_tell_of_all(tmp_path, capsys):
    source = saved(views(), tmp_path / "source")
    assert run("gaussian-blur", source, "-o", tmp_path / "out", "--sigma-mm", 0.2, "--dry-run") == 0
    told = capsys.readouterr().out
    assert "series  3, one a stack" in told
    assert "images  4 " in told
    assert not (tmp_path / "out").exists()
    assert run("inspect", source) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "all stacks, each by itself:" in told
    assert "gaussian-blur" in told
    assert "Choose one with --stack N" in told


def test_files_of_no_stack_are_written_over(tmp_path):
    source = saved(views(), tmp_path / "source")
    series = derive.build(derive.read(source, every_stack=True), gaussian_blur(sigma_mm=0.2))
    for path in each(sorted(source.iterdir()), 4):
        assert path in series.order.untouched
    with raises_code("OUT-SOURCE", derive.OutputError):
        series.write(source, overwrite=True)
    assert len(list(source.iterdir())) == 4


@pytest.mark.parametrize("names_nobody", [False, True])
def test_a_rule_of_a_plan_loses_none_of_them(names_nobody, tmp_path, monkeypatch):
    monkeypatch.setenv("DERIVE_TEST_KEY", "k" * 32)
    rule = {"steps": ["gaussian_blur(sigma_mm=0.2)"]}
    if names_nobody:
        rule["deidentify"] = {"profile": "basic", "key_env": "DERIVE_TEST_KEY", "burned_in": "vouched"}
    source = saved(views(), tmp_path / "source")
    outcome = derive_series(Plan.of({"rule": [rule]}).rules[0], [source], tmp_path / "out")
    assert outcome.ending is Ending.DONE, outcome
    assert outcome.facts["images"] == 4
    assert len(outcome.files) == 4
    made = [dcmread(tmp_path / "out" / name) for name in outcome.files]
    assert sorted((image.Rows, image.Columns) for image in made) == sorted(SHAPES)
