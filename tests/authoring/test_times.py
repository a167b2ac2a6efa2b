"""Several volumes of one result: one series of them, or a series each."""

from __future__ import annotations

import copy

import numpy as np
import pydicom

import derive
from derive.cli.main import main
from derive.errors import UsageError
from derive.operations import gaussian_blur, mean_over
from tests.helpers.asserting import raises_code
from tests.helpers.sources import make_series

COUNT, SLICES = 3, 4


def phases(modality="CT", **changes):
    """Give three volumes of four slices at the same places, one acquisition each, in a random order of numbers."""
    numbers = np.random.default_rng(3).permutation(COUNT * SLICES) + 1
    found = []
    for volume in range(COUNT):
        own = {k: v(volume) if callable(v) else v for k, v in changes.items()}
        for dataset in make_series(modality, count=SLICES, AcquisitionNumber=volume + 1, **own):
            k = len(found)
            dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = f"1.2.3.4.{k + 1}"
            dataset.InstanceNumber = int(numbers[k])
            stored = np.frombuffer(dataset.PixelData, "<i2") + 7 * volume
            dataset.PixelData = stored.astype("<i2").tobytes()
            found.append(dataset)
    return [found[k] for k in np.random.default_rng(4).permutation(len(found))]


def echoes():
    return phases("MR", EchoTime=lambda v: 4.5 * (v + 1))


def written(folder):
    return sorted(folder.rglob("*.dcm"))


def test_ct_that_cannot_tell_phases_apart_becomes_a_series_each(tmp_path):
    source = derive.read(phases())
    report = derive.build(source, gaussian_blur(sigma_mm=1)).write(tmp_path / "out")
    assert [s.folder for s in report.series] == ["volume-01", "volume-02", "volume-03"]
    assert [s.part for s in report.series] == [f"AcquisitionNumber {k}" for k in (1, 2, 3)]
    assert "3 series of 12 images" in str(report)
    assert {path.exists() for path in report.files} == {True}
    for k, made in enumerate(report.series):
        volume = derive.read(tmp_path / "out" / made.folder)
        assert volume.series_instance_uid == made.series_instance_uid
        wanted = gaussian_blur(sigma_mm=1)(source.volumes[k])
        np.testing.assert_allclose(volume.volume.array, wanted.array, atol=0.51)
        first = pydicom.dcmread(written(tmp_path / "out" / made.folder)[0])
        assert first.SeriesDescription.startswith(f"blur 1 mm, AcquisitionNumber {k + 1}")
        assert len(first.SourceImageSequence) >= 1
        assert derive.verify(tmp_path / "out" / made.folder, phases_in(tmp_path)).same
    assert len({s.series_instance_uid for s in report.series}) == COUNT


def phases_in(folder):
    place = folder / "source"
    if not place.exists():
        place.mkdir()
        for dataset in phases():
            dataset.save_as(place / f"{dataset.SOPInstanceUID}.dcm", enforce_file_format=True)
    return place


def test_mr_stays_one_series_and_becomes_several_on_request(tmp_path):
    source = derive.read(echoes())
    together = derive.build(source, gaussian_blur(sigma_mm=1)).write(tmp_path / "one")
    assert not together.series
    apart = derive.build(
        source, gaussian_blur(sigma_mm=1), series_per="volume", series_number=70, series_description="Echo"
    ).write(tmp_path / "apart")
    assert [s.part for s in apart.series] == ["EchoTime 4.5 ms", "EchoTime 9 ms", "EchoTime 13.5 ms"]
    images = [pydicom.dcmread(path) for path in apart.files]
    assert [(d.SeriesNumber, d.EchoTime) for d in images[::SLICES]] == [(70, 4.5), (71, 9), (72, 13.5)]
    assert images[0].SeriesDescription == "Echo, EchoTime 4.5 ms"
    assert [d.InstanceNumber for d in images] == [1, 2, 3, 4] * COUNT
    for one, other in zip(derive.read(tmp_path / "one").volumes, apart.series, strict=True):
        np.testing.assert_array_equal(derive.read(tmp_path / "apart" / other.folder).volume.array, one.array)


def test_instances_and_the_plan_are_of_all_series():
    source = derive.read(echoes())
    series = derive.build(source, gaussian_blur(sigma_mm=1), series_per="volume")
    assert series.count == 12
    assert len(list(series.instances())) == 12
    assert series.plan().series == COUNT
    assert len({d.SeriesInstanceUID for d in series.instances()}) == COUNT


def test_reproducible_series_are_the_same_again_and_differ_from_each_other():
    first = [d for d in phases() if d.AcquisitionNumber == 1]
    alike = [copy.deepcopy(d) for _ in range(COUNT) for d in first]
    for k, dataset in enumerate(alike):
        dataset.AcquisitionNumber, dataset.SOPInstanceUID = k // SLICES + 1, f"1.2.3.5.{k + 1}"

    def uids():
        series = derive.build(alike, gaussian_blur(sigma_mm=1), uids="reproducible")
        return [(d.SeriesInstanceUID, d.SOPInstanceUID) for d in series.instances()]

    found = uids()
    assert found == uids()
    assert [len(set(column)) for column in zip(*found, strict=True)] == [COUNT, 12]


def test_what_is_one_volume_is_one_series_whatever_is_wanted(tmp_path):
    report = derive.build(derive.read(phases()), mean_over(along="AcquisitionNumber"), series_per="volume").write(
        tmp_path / "out"
    )
    assert not report.series
    assert len(written(tmp_path / "out")) == SLICES


def test_the_command_says_what_it_wrote(tmp_path, capsys):
    source = phases_in(tmp_path)
    arguments = ["gaussian-blur", str(source), "-o", str(tmp_path / "out"), "--sigma-mm", "1"]
    assert main([*arguments, "--dry-run"]) == 0
    assert "series  3, one a volume" in capsys.readouterr().out
    assert main([*arguments, "--json"]) == 0
    assert '"part": "AcquisitionNumber 2"' in capsys.readouterr().out
    assert main([*arguments, "--overwrite", "--series-per", "volume"]) == 0
    assert len(written(tmp_path / "out")) == 12


def test_a_result_that_names_nobody_has_as_many_series(tmp_path):
    report = derive.build(derive.read(phases()), gaussian_blur(sigma_mm=1)).deidentified().write(tmp_path / "out")
    assert report.ok
    assert len({pydicom.dcmread(path).SeriesInstanceUID for path in written(tmp_path / "out")}) == COUNT


def test_a_wish_that_is_none_is_refused():
    with raises_code("OPT-SERIES", UsageError):
        derive.build(derive.read(phases()), gaussian_blur(sigma_mm=1), series_per="slice")
