"""The command that shows: real series, JSON, refusals, and no patient in a picture."""

from __future__ import annotations

import io
import json
import re
import shutil
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from PIL import Image

import derive
from derive.display import (
    Wishes,
    comparison_of,
    fonts,
    html_of_derived,
    html_of_report,
    html_of_source,
    html_of_volume,
    page_of,
    sight_of,
)
from derive.display.cuts import cut_of
from derive.display.layout import layout_of
from derive.display.sight import Sight
from derive.errors import OutputError, UsageError, ValuesError
from derive.model.geometry import letters_of
from derive.operations import gaussian_blur
from tests.helpers.asserting import every, raises_code
from tests.helpers.commands import run as run_command
from tests.helpers.sources import make_series

SCHEMA = json.loads((Path(derive.__file__).parent / "cli" / "schemas" / "show.json").read_text())


def run(*words):
    return run_command("show", *words)


def written(folder, datasets):
    folder.mkdir()
    for k, dataset in enumerate(datasets):
        dataset.save_as(folder / f"{k}.dcm", enforce_file_format=True)
    return folder


# --- the command -----------------------------------------------------------------------------------------------------


@pytest.fixture
def ct(tmp_path):
    return written(tmp_path / "ct", make_series("CT", count=8))


def test_the_command_writes_a_png_and_says_what_is_on_it(ct, tmp_path, capsys):
    assert run(ct, "-o", tmp_path / "a.png") == 0
    out = capsys.readouterr().out
    with Image.open(tmp_path / "a.png") as image:
        image.verify()
        assert image.format == "PNG"
        assert f"{image.width} x {image.height}" in out
    assert "axial 5 of 8" in out
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.png", "ct"]


@pytest.mark.parametrize("more", [[], ["--plane", "sagittal", "--slice", "2"], ["--window", "-60", "150.5"]])
@pytest.mark.parametrize("compare", [False, True])
def test_the_json_fits_its_schema_and_the_picture(ct, tmp_path, capsys, more, compare):
    blurred = tmp_path / "blurred"
    derive.build(derive.read(ct), gaussian_blur(sigma_mm=1.0)).write(blurred)
    arguments = [blurred, "--compare", ct] if compare else [ct]
    assert run(*arguments, "-o", tmp_path / "a.png", "--json", *more) == 0
    said = json.loads(capsys.readouterr().out)
    jsonschema.validate(said, SCHEMA)
    with Image.open(tmp_path / "a.png") as image:
        assert list(image.size) == said["size_px"]
    assert (said["difference"] is not None) == compare
    assert len(said["planes"]) == (1 if "--plane" in more else 3)
    assert said["window"]["center"] == (-60 if "--window" in more else 40)


def test_a_zip_and_files_can_be_shown(ct, tmp_path):
    archive = shutil.make_archive(str(tmp_path / "ct"), "zip", ct)
    run(archive, "-o", tmp_path / "a.png")
    run(*sorted(ct.iterdir()), "-o", tmp_path / "b.png")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


@pytest.mark.parametrize("name", ["volume.nii.gz", "volume.nrrd", "volume.mha", "volume.npy"])
def test_a_volume_in_another_format_shows_the_same_as_the_series(ct, tmp_path, name):
    derive.export(derive.read(ct), tmp_path / name)
    ours = page_of(sight_of(derive.read(ct)), Wishes(window=(40, 400)))
    theirs = page_of(sight_of(tmp_path / name), Wishes(window=(40, 400)))
    for one, other in zip(ours.rows[0], theirs.rows[0], strict=True):
        assert (one.image == other.image).all()
        assert one.edges == other.edges
    assert run(tmp_path / name, "-o", tmp_path / "a.png", "--quiet") == 0


def test_an_array_that_lies_nowhere_has_neither_letters_nor_a_scale(tmp_path, capsys):
    np.save(tmp_path / "bare.npy", np.arange(4 * 5 * 6).reshape(4, 5, 6))
    page = page_of(sight_of(tmp_path / "bare.npy"))
    assert every(p.edges is None and p.bar_mm == 0 for p in page.rows[0])
    assert "does not say how it lies" in " ".join(page.heading)
    run(tmp_path / "bare.npy", "-o", tmp_path / "a.png", "--json")
    said = json.loads(capsys.readouterr().out)
    jsonschema.validate(said, SCHEMA)
    assert not said["placed"]


def test_what_cannot_be_shown_is_refused(tmp_path):
    Image.new("RGB", (4, 4)).save(tmp_path / "colour.png")
    with pytest.raises(ValuesError, match="SHOW-COLOUR"):
        sight_of(tmp_path / "colour.png")
    for odd in (5, [], [3]):
        with pytest.raises(UsageError, match="SHOW-INPUT"):
            sight_of(odd)


def test_targets_that_cannot_be_are_refused_before_anything_is_read(ct, tmp_path):
    picture = tmp_path / "a.png"
    picture.write_text("mine")
    with pytest.raises(OutputError, match="OUT-EXISTS"):
        run(ct, "-o", picture)
    assert picture.read_text() == "mine"
    assert run(ct, "-o", picture, "--overwrite", "--quiet") == 0
    with pytest.raises(OutputError, match="OUT-SOURCE"):
        run(picture, "-o", picture, "--overwrite")
    with pytest.raises(UsageError, match="SHOW-FORMAT"):
        run(tmp_path / "missing", "-o", tmp_path / "a.jpg")
    with pytest.raises(OutputError, match="OUT-WRITE"):
        run(ct, "-o", tmp_path / "nowhere" / "a.png")


# --- whose it is -----------------------------------------------------------------------------------------------------


def test_no_patient_is_in_a_picture_unless_asked_for(tmp_path, capsys):
    jane = written(tmp_path / "jane", make_series("CT"))
    nobody = written(tmp_path / "nobody", make_series("CT", PatientName="", PatientID="", PatientBirthDate=""))
    for folder, more, name in ((jane, [], "a"), (nobody, [], "b"), (jane, ["--show-patient"], "c")):
        run(folder, "-o", tmp_path / f"{name}.png", *more)
        run(folder, "-o", tmp_path / f"{name}2.png", "--json", *more)
    a, b, c = ((tmp_path / f"{name}.png").read_bytes() for name in "abc")
    assert a == b
    assert a != c
    assert not re.search("Doe|Jane|P1\\b|1970", capsys.readouterr().out)
    assert not Image.open(io.BytesIO(a)).info
    page = page_of(sight_of(derive.read(jane)), Wishes(show_patient=True))
    assert "patient: Doe^Jane, P1" in page.heading


def test_nothing_a_notebook_shows_names_the_patient(tmp_path):
    source = derive.read(make_series("CT"))
    series = derive.build(source, gaussian_blur(sigma_mm=1.0))
    report = series.write(tmp_path / "out")
    shown = [
        html_of_source(source),
        html_of_volume(series.volume),
        html_of_derived(series),
        html_of_report(report),
        repr(source),
        repr(series.volume),
        repr(series),
        repr(report),
    ]
    for text in shown:
        assert not re.search("Doe|Jane|\\bP1\\b|1970|Ref.Erring", re.sub('base64,[^"]*', "", text))
    assert every(len(text) < 200 + len(str(tmp_path)) and "\n" not in text for text in shown[4:])


# --- text ------------------------------------------------------------------------------------------------------------


def test_text_without_a_glyph_keeps_its_letters(monkeypatch):
    monkeypatch.setattr(fonts, "SYSTEM_FONTS", ())
    assert fonts.lettered("Schädel 頭\x00", 14)[0] == "Schadel ? "
    assert fonts.lettered("16° · a", 14)[0] == "16° · a"


def test_long_texts_are_broken_and_lose_nothing():
    text = "one two three " + "x" * 200 + " four"
    lines = fonts.wrapped(text, 14, 150)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert every(fonts.width_of(line, 14) <= 150 for line in lines)


# --- real data -------------------------------------------------------------------------------------------------------

REAL = {
    "ct_philips_ingenuity_140": None,
    "ct_varian_cbct_64": None,
    "ct_small_ge_3": None,
    "mr_ge_axial_20": None,
    "mr_philips_classic24_and_enhanced": "#2",
    "mr_siemens_obliques": "#2",
    "petctmr_ibsi_sts002": "#2",
    "legacy_converted_ct": "#2",
    "nifti_ct_totalseg/example_ct.nii.gz": None,
    "nifti_ct_totalseg/example_mr_sm.nii.gz": None,
}


@pytest.mark.parametrize("name", REAL)
def test_real_series_of_many_kinds_are_shown(name, real, tmp_path):
    which = ["--series", REAL[name]] if REAL[name] else []
    assert run(real(name), "-o", tmp_path / "a.png", "--quiet", *which) == 0
    with Image.open(tmp_path / "a.png") as image:
        picture = np.array(image.convert("L"))
    page = page_of(sight_of(real(name), REAL[name]))
    for placed in layout_of(page).panels:
        assert np.ptp(picture[placed.top : placed.top + placed.height, placed.left : placed.left + placed.width]) > 100


def test_the_letters_of_a_real_oblique_series_are_those_of_its_cosines(real):
    series = derive.read(real("mr_siemens_obliques"), series="#2")
    cosines = np.array(series.value("ImageOrientationPatient", 0), dtype=float)
    cut = cut_of(series.geometry, "sagittal")
    assert cut.axis == 0
    assert cut.edges.right == letters_of(cosines[:3]) == "PL"
    assert cut.edges.bottom == letters_of(cosines[3:]) == "FL"


def test_pet_and_ct_of_one_patient_are_laid_side_by_side(real):
    folder = real("petctmr_ibsi_sts002")
    page = comparison_of(sight_of(folder, "#2"), sight_of(folder, "#1"))
    assert page.difference is None
    assert [len(row) for row in page.rows] == [2, 2, 2]
    assert any("no difference" in line for line in page.heading)


@pytest.mark.parametrize(
    ("folder", "code"),
    [
        ("ct_philips_scout", "SRC-LOCALIZER"),
        ("enhanced_mr", "SRC-SERIES"),
        ("philips_enh_fieldmap_2echo_magphase", "SRC-STACK"),
        ("ct_duplicate_pos_siemens_4", "GEO-DUPLICATE"),
        ("pydicom_test_files", "SRC-SERIES"),
    ],
)
def test_what_is_no_volume_is_refused_by_name(folder, code, real, tmp_path):
    with raises_code(code):
        run(real(folder), "-o", tmp_path / "a.png")
    assert not list(tmp_path.iterdir())


def test_sights_of_all_kinds_of_input_agree(ct):
    series = derive.read(ct)
    by_path, by_series = sight_of(str(ct)), sight_of(series)
    assert isinstance(by_path, Sight)
    assert (by_path.name, by_path.grey, by_path.units) == (by_series.name, by_series.grey, by_series.units)
    derived = sight_of(derive.build(series, gaussian_blur(sigma_mm=1.0)))
    assert (derived.grey, derived.units) == (by_series.grey, "HU")
    assert sight_of(derive.stack(series)).grey is None
