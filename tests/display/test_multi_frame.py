"""Frames of multi-frame instances, and several volumes, as a picture: the first is shown, with its own window."""

from __future__ import annotations

import json

import numpy as np
import pytest

import derive
from derive.display.html import html_of_derived, html_of_source
from derive.display.sight import sight_of
from derive.operations import gaussian_blur
from tests.helpers.asserting import raises_code
from tests.helpers.commands import run as run_command

DWI = "siemens_xa60_enh_7t/dwi"


def test_of_several_volumes_the_first_is_shown_in_its_own_window(real):
    series = derive.read(real(DWI))
    sight = sight_of(series)
    assert "the first of 7 volumes" in sight.extent
    np.testing.assert_array_equal(sight.volume.slab(0, 2), series.volumes[0].slab(0, 2))
    centers = [float(series.value("WindowCenter", k)) for k in range(series.geometry.shape[0])]
    assert sight.grey is not None
    assert sight.grey.center == pytest.approx(np.median(centers))


def test_the_command_says_which_volume_it_drew(real, tmp_path, capsys):
    assert run_command("show", real(DWI), "-o", tmp_path / "a.png") == 0
    assert "of the first of 7 volumes" in capsys.readouterr().out


@pytest.mark.parametrize(
    "name", ["enhanced_ct_2f", "legacy_converted_ct/multiframe", "philips_balls_enh/dicom/T2-interleaved.dcm"]
)
def test_multi_frame_instances_are_drawn(name, real, tmp_path):
    assert run_command("show", real(name), "-o", tmp_path / "a.png") == 0
    assert (tmp_path / "a.png").stat().st_size > 1000


def test_a_notebook_says_what_tells_volumes_apart(real):
    series = derive.read(real(DWI))
    told = "7 by DiffusionBValue, DiffusionGradientOrientation; the first is shown"
    assert told in html_of_source(series)
    assert told in html_of_derived(derive.build(series, gaussian_blur(sigma_mm=1.0), into="classic"))


def test_a_stack_and_a_volume_of_it_can_be_drawn(real, tmp_path, capsys):
    source = real("philips_enh_fieldmap_2echo_magphase/dicom")
    with raises_code("SRC-STACK"):
        run_command("show", source, "-o", tmp_path / "a.png")
    assert run_command("show", source, "-o", tmp_path / "a.png", "--stack", "phase", "--volume", 2) == 0
    assert "volumes" not in capsys.readouterr().out
    sight = sight_of(source, stack="phase", volumes=2)
    np.testing.assert_array_equal(sight.volume.slab(0, 1), derive.read(source, stack="phase").volumes[1].slab(0, 1))


def test_a_volume_is_compared_with_the_same_one_of_its_source(real, tmp_path, capsys):
    """The first one of the source beside the third of the result would be a picture of nothing."""
    source = real("philips_balls_enh/dicom/DTI.dcm")
    derive.build(derive.read(source, stack=1), gaussian_blur(sigma_mm=0.0)).write(tmp_path / "out")
    shown = ["show", tmp_path / "out", "-o", tmp_path / "a.png", "--overwrite", "--compare", source]
    with raises_code("SRC-STACK") as refused:
        run_command(*shown)
    assert "--compare-stack N" in str(refused.value)
    differences = []
    for more in (["--volume", 3], ["--volume", 3, "--compare-volume", 1]):
        assert run_command(*shown, "--compare-stack", 1, "--json", *more) == 0
        differences.append(json.loads(capsys.readouterr().out)["difference"])
    same, other = (d["largest"] for d in differences)
    assert same < other / 10
