"""Volumes at one place are told apart by what their frames say, wherever and in whichever order it stands."""

from __future__ import annotations

from copy import deepcopy

import numpy as np
import pytest

import derive
from tests.helpers.asserting import every
from tests.helpers.multi_frame import frames_items, multi_frame, only_frames, spots_of, stored_of
from tests.helpers.refusals import refused
from tests.helpers.sources import AXIAL, make_series

ECHOES = {"EffectiveEchoTime": (10.0, 25.5, 40.0)}
SAGITTAL = ((0.0, 1.0, 0.0), (0.0, 0.0, -1.0))
CORONAL = ((1.0, 0.0, 0.0), (0.0, 0.0, -1.0))
DIRECTIONS = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.6, 0.8))
DIFFUSION = {"DiffusionBValue": (0, *((1000, d) for d in DIRECTIONS))}
TIMES = {"TemporalPositionTimeOffset": (0.0, 2.5, 5.0, 7.5)}
FORMS = {
    "echoes": ("MR", {"along": ECHOES}),
    "diffusion": ("MR", {"along": DIFFUSION}),
    "times": ("CT", {"along": TIMES}),
    "echoes at times": ("MR", {"along": {"TemporalPositionTimeOffset": (0.0, 2.5), "EffectiveEchoTime": (10.0, 30.0)}}),
    "trigger delays": ("MR", {"along": {"NominalCardiacTriggerDelayTime": (0.0, 120.5)}}),
    "temporal positions": ("CT", {"along": {"TemporalPositionIndex": (1, 2, 3)}}),
    "private": ("MR", {"along": {"private": ("0.5", "2", "10")}}),
    "acquisition times": ("MR", {"along": {"FrameAcquisitionDateTime": ("20260102100000", "20260102100105.5")}}),
    "one slice": ("CT", {"along": TIMES, "slices": 1}),
}


def read_as(modality, form):
    return derive.read(multi_frame(modality, **form))


def expected(modality, form, number, stack=0):
    """Stored values of a volume, in the order in which `along` has them."""
    spots = [s for s in spots_of(modality, **form) if (s.stack, s.volume) == (stack, number)]
    return np.stack([stored_of(s) for s in sorted(spots, key=lambda s: s.slice)]).astype(float)


def differ_by_a_line(volume, wanted):
    """How far values are from a slope and an intercept of what was stored."""
    found = np.asarray(volume, dtype=float)
    slope, intercept = np.polyfit(wanted.ravel(), found.ravel(), 1)
    return float(np.abs(found - slope * wanted - intercept).max())


@pytest.mark.parametrize("change", [{}, {"shuffled": 3}, {"permuted": True}, {"shuffled": 5, "shared": False}], ids=str)
@pytest.mark.parametrize("name", FORMS)
def test_volumes_come_in_the_order_of_the_values_whatever_stands_in_which_order(name, change):
    modality, form = FORMS[name]
    form = form | change
    series = read_as(modality, form)
    count = np.prod([len(v) for v in form["along"].values()])
    assert len(series.volumes) == count
    assert every(len(d.values) == count for d in series.dimensions)
    off = [differ_by_a_line(v, expected(modality, form, k)) for k, v in enumerate(series.volumes)]
    assert max(off) < 1e-2


@pytest.mark.parametrize("name", FORMS)
def test_dimensions_are_named_as_single_frame_images_call_them(name):
    modality, form = FORMS[name]
    wanted = {
        "echoes": [("EchoTime", (10.0, 25.5, 40.0), "ms")],
        "diffusion": [
            ("DiffusionBValue", (0.0, 1000.0, 1000.0, 1000.0), "s/mm2"),
            ("DiffusionGradientOrientation", (None, *DIRECTIONS), ""),
        ],
        "times": [("TemporalPositionTimeOffset", (0.0, 2.5, 5.0, 7.5), "s")],
        "one slice": [("TemporalPositionTimeOffset", (0.0, 2.5, 5.0, 7.5), "s")],
        "echoes at times": [
            ("TemporalPositionTimeOffset", (0.0, 0.0, 2.5, 2.5), "s"),
            ("EchoTime", (10.0, 30.0, 10.0, 30.0), "ms"),
        ],
        "trigger delays": [("TriggerTime", (0.0, 120.5), "ms")],
        "temporal positions": [("TemporalPositionIdentifier", (1.0, 2.0, 3.0), "")],
        "private": [("(0019,1001)", (0.5, 2.0, 10.0), "")],
    }
    found = [(d.keyword, d.values, d.units) for d in read_as(modality, form).dimensions]
    assert found == wanted.get(name, found)


def test_one_instance_a_volume_and_one_instance_of_all_are_the_same():
    whole = multi_frame("MR", along=DIFFUSION, slices=3)
    parts = [only_frames(whole, range(3 * v, 3 * v + 3), number=9 - v) for v in range(4)]
    series, joined = derive.read(whole), derive.read(parts)
    assert joined.dimensions == series.dimensions
    assert every(np.array_equal(a, b) for a, b in zip(series.volumes, joined.volumes, strict=True))


def test_instances_may_name_their_dimensions_in_another_order():
    whole = multi_frame("MR", along=ECHOES, slices=3)
    parts = [only_frames(whole, range(3 * v, 3 * v + 3), number=v + 1) for v in range(3)]
    parts[1].DimensionIndexSequence = list(reversed(parts[1].DimensionIndexSequence))
    for frame in frames_items(parts[1]):
        frame.FrameContentSequence[0].DimensionIndexValues = frame.FrameContentSequence[0].DimensionIndexValues[::-1]
    series = derive.read(parts)
    assert series.dimensions == derive.read(whole).dimensions
    assert not [r for r in series.remarks if r.code == "SRC-DIMENSION"]


@pytest.mark.parametrize("one_stack_id", [True, False])
def test_orientations_are_stacks_whatever_their_stack_id(one_stack_id):
    form = {"orientations": (AXIAL, SAGITTAL, CORONAL), "one_stack_id": one_stack_id, "along": ECHOES, "shuffled": 1}
    dataset = multi_frame("MR", **form)
    error = refused(dataset, "GEO-ORIENTATION")
    assert [row["name"] for row in error.facts["stacks"]] == ["axial", "coronal", "sagittal"]
    assert "stack=N" in error.message
    for number, (name, place) in enumerate((("axial", 0), ("coronal", 2), ("sagittal", 1)), 1):
        for wanted in (number, f"#{number}", name):
            series = derive.read(dataset, stack=wanted)
            assert (series.stack, len(series.volumes)) == (name, 3)
        assert differ_by_a_line(series.volumes[1], expected("MR", form, 1, place)) < 1e-2
    assert refused(dataset, "SRC-STACK", stack=4).facts["stacks"] == error.facts["stacks"]


def test_a_magnitude_and_a_phase_are_two_stacks():
    dataset = multi_frame("MR", along=ECHOES)
    for number, frame in enumerate(frames_items(dataset)):
        kind = deepcopy(dataset.SharedFunctionalGroupsSequence[0].MRImageFrameTypeSequence)
        kind[0].ComplexImageComponent = ("MAGNITUDE", "PHASE", "MAGNITUDE")[number // 6]
        frame.MRImageFrameTypeSequence = kind
    del dataset.SharedFunctionalGroupsSequence[0].MRImageFrameTypeSequence
    error = refused(dataset, "SRC-STACK")
    assert [(row["name"], row["images"]) for row in error.facts["stacks"]] == [("magnitude", 12), ("phase", 6)]
    assert derive.read(dataset, stack="magnitude").dimensions[0].values == (10.0, 40.0)
    assert derive.read(dataset, stack="phase").dimensions == ()


# What the pixels are


def kinds_of(changes):
    """Two slices of each kind of images, at the same two places."""
    places = {"ImagePositionPatient": lambda k: [0.0, 0.0, 2.0 * (k % 2)]}
    common = {"ImageType": ["ORIGINAL", "PRIMARY", "OTHER"], "AcquisitionTime": "10", "ContentTime": "10"}
    datasets = make_series("MR", count=2 * len(changes), **places, **common)
    for number, dataset in enumerate(datasets):
        for keyword, value in changes[number // 2].items():
            setattr(dataset, keyword, value)
    return datasets


WEIGHTED = {"DiffusionBValue": 1000.0}
DIRECTED = [WEIGHTED | {"DiffusionGradientOrientation": list(d)} for d in DIRECTIONS[:2]]
ISOTROPIC = {"DiffusionDirectionality": "ISOTROPIC"}
TRACEW = {"ImageType": ["DERIVED", "PRIMARY", "DIFFUSION", "TRACEW"]}
ADC, FA = ({"ImageType": ["DERIVED", "PRIMARY", "M", term]} for term in ("ADC", "FA"))
MIXED = {
    "a map": ([{}, WEIGHTED, {"ImageType": ["DERIVED", "PRIMARY", "ADC"]}], {"other": 2, "ADC": 1}),
    "maps": ([ADC, FA], {"magnitude ADC": 1, "magnitude FA": 1}),
    "a phase": ([{}, {"ImageType": ["ORIGINAL", "PRIMARY", "P", "ND"]}], {"other": 1, "phase": 1}),
    "a trace of directions": ([{}, *DIRECTED, WEIGHTED | ISOTROPIC], {"other": 3, "trace": 1}),
    "a trace of Siemens": ([{}, *DIRECTED, WEIGHTED | TRACEW], {"other": 3, "trace": 1}),
}


@pytest.mark.parametrize("name", MIXED)
def test_maps_and_traces_are_stacks_of_their_own(name):
    changes, wanted = MIXED[name]
    datasets = kinds_of(changes)
    error = refused(datasets, "SRC-STACK")
    assert {row["name"]: row["images"] // 2 for row in error.facts["stacks"]} == wanted
    for stack, volumes in wanted.items():
        assert len(derive.read(datasets, stack=stack).volumes) == volumes


@pytest.mark.parametrize(
    "change", [{"DiffusionDirectionality": "ISOTROPIC"}, {"ImageType": ["DERIVED", "PRIMARY", "TRACEW"]}]
)
def test_a_trace_beside_images_without_weighting_is_a_volume_like_them(change):
    series = derive.read(kinds_of([{}, WEIGHTED | change]))
    assert series.dimensions[0].values == (0.0, 1000.0)


def test_the_private_image_type_of_ge_tells_components_apart():
    datasets = kinds_of([{}] * 4)
    for number, dataset in enumerate(datasets):
        dataset.add_new(0x00430010, "LO", "GEMS_PARM_01")
        dataset.add_new(0x0043102F, "SS", number // 2)
    stacks = refused(datasets, "SRC-STACK").facts["stacks"]
    assert [(row["name"], row["images"]) for row in stacks] == [
        (n, 2) for n in ("magnitude", "phase", "real", "imaginary")
    ]


# Choices


def test_volumes_frames_and_what_frames_say_can_be_chosen():
    dataset = multi_frame("MR", along=DIFFUSION, slices=3)
    whole = derive.read(dataset)
    for number, volume in enumerate(whole.volumes, 1):
        assert np.array_equal(derive.read(dataset, volumes=number).volume, volume)
        assert np.array_equal(derive.read(dataset, frames=f"{3 * number - 2}-{3 * number}").volume, volume)
    two = derive.read(dataset, volumes=[4, 2])
    assert [d.values for d in two.dimensions] == [(DIRECTIONS[0], DIRECTIONS[2])]
    assert np.array_equal(derive.read(dataset, where={"DiffusionBValue": 0}).volume, whole.volumes[0])
    assert len(derive.read(dataset, where={"DiffusionBValue": "1000"}).volumes) == 3
    chosen = derive.read(dataset, where={"DiffusionGradientOrientation": "0\\0.6\\0.8"})
    assert np.array_equal(chosen.volume, whole.volumes[3])
    assert derive.read(dataset, frames="1,3", where={"ImageType": "primary"}).volume.shape[0] == 2


def test_keywords_of_macros_choose_too_and_times_choose_whole_volumes():
    dataset = multi_frame("MR", along={"NominalCardiacTriggerDelayTime": (0.0, 120.5, 241.0)}, slices=3)
    for number, frame in enumerate(frames_items(dataset)):  # each slice 7 ms after the one before
        frame.CardiacSynchronizationSequence[0].NominalCardiacTriggerDelayTime += 7 * (number % 3)
    whole = derive.read(dataset)
    assert whole.dimensions[0].values == (0.0, 120.5, 241.0)
    for keyword in ("TriggerTime", "NominalCardiacTriggerDelayTime"):
        assert np.array_equal(derive.read(dataset, where={keyword: 120.5}).volume, whole.volumes[1])
    assert refused(dataset, "SRC-CHOICE", where={"TriggerTime": 127.5}).message.endswith("0, 120.5, 241")
    echoes = multi_frame("MR", along=ECHOES)
    assert np.array_equal(derive.read(echoes, where={"EffectiveEchoTime": 40}).volume, derive.read(echoes).volumes[2])


@pytest.mark.parametrize(
    "chosen", [{"volumes": 5}, {"frames": "1-13"}, {"where": {"DiffusionBValue": 500}}, {"where": {"EchoTime": "x"}}]
)
def test_what_is_not_there_cannot_be_chosen(chosen):
    dataset = multi_frame("MR", along=DIFFUSION, slices=3)
    assert refused(dataset, "SRC-CHOICE", **chosen).message


def test_values_of_texts_are_not_told():
    dataset = multi_frame("MR", along=DIFFUSION, slices=3)
    dataset.PatientName = "Private^Person"
    assert "Private" not in refused(dataset, "SRC-CHOICE", where={"PatientName": "Doe*"}).message


@pytest.mark.parametrize(
    "chosen", [{"volumes": 0}, {"frames": "3-x"}, {"frames": ""}, {"where": {"NoKeyword": 1}}, {"volumes": "a"}]
)
def test_what_cannot_be_chosen_is_refused_before_anything_is_read(chosen):
    with pytest.raises(derive.errors.UsageError) as caught:
        derive.read("no/such/folder", **chosen)
    assert caught.value.code == "OPT-CHOICE"


# What is no whole volume


@pytest.mark.parametrize("lost", [0, 4, 17])
def test_a_volume_that_lacks_a_frame_is_named(lost):
    whole = multi_frame("MR", along=ECHOES)
    error = refused(only_frames(whole, [k for k in range(18) if k != lost]), "GEO-4D")
    assert f"EchoTime {(10, 25.5, 40)[lost // 6]:g} has 5" in error.message
    assert (error.facts["positions"], error.facts["images"]) == (6, 17)


def test_an_instance_of_several_that_is_missing_changes_nothing_for_the_others():
    whole = multi_frame("MR", along=DIFFUSION, slices=3)
    parts = [only_frames(whole, range(3 * v, 3 * v + 3), number=v + 1) for v in (0, 1, 3)]
    assert derive.read(parts).dimensions[1].values == (None, DIRECTIONS[0], DIRECTIONS[2])


def test_a_gap_in_every_volume_is_a_gap():
    refused(only_frames(multi_frame("MR", along=ECHOES), [k for k in range(18) if k % 6 != 2]), "GEO-GAP")


@pytest.mark.parametrize("off_mm", [0.5, 1.0, 3.5])
def test_a_volume_that_moved_is_refused_with_the_distance(off_mm):
    for form in (ECHOES, {"DiffusionBValue": (0, (700, DIRECTIONS[0]))}):
        dataset = multi_frame("MR", along=form)
        for frame in frames_items(dataset)[-6:]:
            frame.PlanePositionSequence[0].ImagePositionPatient[2] += off_mm
        error = refused(dataset, "GEO-4D")
        assert error.facts["off_mm"] == pytest.approx(off_mm)
        assert f"{off_mm:.2f} mm" in error.message


def test_slices_of_one_volume_may_be_set_differently_one_behind_the_other():
    series = derive.read(make_series("CT", KVP=lambda k: 100 if k < 3 else 120))
    assert (len(series.volumes), series.volume.shape[0]) == (1, 6)


def test_frames_that_nothing_tells_apart_stay_refused():
    dataset = multi_frame("MR", along=ECHOES)
    for frame in frames_items(dataset):
        frame.MREchoSequence[0].EffectiveEchoTime = 10.0
        frame.FrameContentSequence[0].FrameAcquisitionDateTime = "20260102100000"
        frame.FrameContentSequence[0].FrameReferenceDateTime = "20260102100000"
        frame.FrameContentSequence[0].DimensionIndexValues = [1, frame.FrameContentSequence[0].InStackPositionNumber, 1]
    assert refused(dataset, "GEO-4D").facts["positions"] == 6


def test_indices_tell_apart_what_values_do_not():
    dataset = multi_frame("MR", along=ECHOES, shuffled=2)
    for frame in frames_items(dataset):
        frame.MREchoSequence[0].EffectiveEchoTime = 10.0
        frame.FrameContentSequence[0].FrameAcquisitionDateTime = "20260102100000"
    series = derive.read(dataset)
    assert [(d.keyword, d.values) for d in series.dimensions] == [("DimensionIndexValues", (1.0, 2.0, 3.0))]
    assert differ_by_a_line(series.volumes[2], expected("MR", {"along": ECHOES}, 2)) < 1e-2


def test_an_index_that_contradicts_its_value_is_said_and_changes_nothing():
    plain = multi_frame("MR", along=ECHOES)
    assert not [r for r in derive.read(plain).remarks if r.code == "SRC-DIMENSION"]
    odd = multi_frame("MR", along=ECHOES)
    content = frames_items(odd)[7].FrameContentSequence[0]
    content.DimensionIndexValues = [1, 2, 3]
    series = derive.read(odd)
    assert {r.keyword for r in series.remarks if r.code == "SRC-DIMENSION"} == {"EchoTime"}
    assert every(np.array_equal(a, b) for a, b in zip(series.volumes, derive.read(plain).volumes, strict=True))


# Single-frame images


CLASSIC = {
    "EchoTime": ("MR", {"EchoTime": lambda k: [12, 24, 36][k // 2]}, (12.0, 24.0, 36.0)),
    "TriggerTime": ("MR", {"TriggerTime": lambda k: 300 * (k // 2) + 20 * (k % 2)}, (0.0, 300.0, 600.0)),
    "FrameReferenceTime": ("PT", {"FrameReferenceTime": lambda k: 1000 * (k // 2) + 500}, (500.0, 1500.0, 2500.0)),
    "TemporalPositionIdentifier": ("MR", {"TemporalPositionIdentifier": lambda k: 3 - k // 2}, (1.0, 2.0, 3.0)),
    "AcquisitionTime": ("CT", {"AcquisitionTime": lambda k: f"10{k // 2:02d}0{k % 2}.5"}, (0.0, 60.0, 120.0)),
    "InversionTime": ("MR", {"InversionTime": lambda k: [900, 100, 400][k // 2]}, (100.0, 400.0, 900.0)),
}


@pytest.mark.parametrize("keyword", CLASSIC)
def test_classic_images_are_told_apart_by_the_same_table(keyword):
    modality, attributes, values = CLASSIC[keyword]
    series = derive.read(make_series(modality, ImagePositionPatient=lambda k: [0.0, 0.0, 2.0 * (k % 2)], **attributes))
    assert [(d.keyword, d.values) for d in series.dimensions] == [(keyword, values)]
    assert [v.shape[0] for v in series.volumes] == [2, 2, 2]


def test_a_b_value_that_is_absent_beside_others_is_none():
    b_values = {"DiffusionBValue": lambda k: None if k < 2 else 700.0}
    series = derive.read(make_series("MR", count=4, ImagePositionPatient=lambda k: [0, 0, 2.0 * (k % 2)], **b_values))
    assert series.dimensions[0].values == (0.0, 700.0)


def test_times_go_on_over_midnight():
    times = {
        "AcquisitionDate": lambda k: "20260131" if k < 2 else "20260201",
        "AcquisitionTime": lambda k: ("235959", "235959.5", "000001", "000001.5")[k],
    }
    series = derive.read(make_series("PT", count=4, ImagePositionPatient=lambda k: [0, 0, 2.0 * (k % 2)], **times))
    assert [(d.keyword, d.values) for d in series.dimensions] == [("AcquisitionTime", (0.0, 2.0))]


def test_texts_that_tell_apart_are_no_place_for_a_name():
    kernels = {"ConvolutionKernel": lambda k: "DOE^JANE b" if k < 2 else "STANDARD"}
    datasets = make_series("CT", count=4, ImagePositionPatient=lambda k: [0, 0, 2.0 * (k % 2)], **kernels)
    assert "DOE" not in repr(derive.read(datasets))
    assert "DOE" not in refused(datasets[1:], "GEO-4D").message
