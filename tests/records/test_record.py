"""What an instance says was done, read back: the same operations, and nothing is ever run."""

from __future__ import annotations

import ast

import numpy as np
import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.sequence import Sequence

import derive
from codes import Code
from derive.model.derivation import text_of
from derive.model.geometry import Geometry
from derive.operations import apply, gaussian_blur, mean_projection, minip, mip, resample
from derive.records.record import own_part, record_of, recorded_grid, steps_of
from derive.records.written import gather
from derive.version import VERSION
from tests.helpers.instances import raw, series, write
from tests.helpers.sources import make_series

OPERATIONS = [
    gaussian_blur(sigma_mm=1.5),
    gaussian_blur(sigma_mm=(0.0, 1 / 3, 2)),
    resample(spacing_mm=2.0),
    resample(spacing_mm=(0.1, 1e-7, 12345.678901234567), interpolator="bspline", fill="padding"),
    resample(spacing_mm=1, fill=-1000.0),
    mip(),
    mip(slab_mm=10.0, step_mm=2.5, plane="coronal"),
    minip(slab_mm=0.1, plane="sagittal"),
    mean_projection(slab_mm=9.0),
]
SMOOTHING = "apply(function='lab.tools:smooth', code='Smoothing'"


def read_back(description):
    return [step.operation() for step in steps_of(description)]


@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
def test_what_an_operation_says_of_itself_is_read_back_as_that_operation(operation):
    (step,) = steps_of(str(operation))
    assert step.operation().kind is operation.kind
    assert step.operation().parameters == operation.parameters
    assert str(step.operation()) == str(operation)


@given(st.lists(st.floats(0, 1e6, allow_nan=False), min_size=3, max_size=3).map(tuple))
def test_every_digit_of_a_length_is_read_back(sigmas):
    (operation,) = read_back(str(gaussian_blur(sigma_mm=sigmas)))
    assert operation.parameters["sigma_mm"] == sigmas


def test_a_chain_behind_words_is_read_back_in_order_with_the_words():
    words = "Reformatted (3 mm); by hand; see protocol(7)"
    steps = steps_of("; ".join([words, *map(str, OPERATIONS)]))
    assert [s.text for s in steps] == [words, *map(str, OPERATIONS)]
    assert [s.operation().parameters for s in steps[1:]] == [dict(o.parameters) for o in OPERATIONS]
    assert not steps[0].recomputable
    assert "other software" in steps[0].why_not


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("mip(plane='native'); afterwards words", ["mip", ""]),
        ("words; mip(plane='native'); more; words", ["", "mip", ""]),
        (f"{SMOOTHING}, description='a; mip(slab_mm=1); b'); mip(plane='native')", ["apply", "mip"]),
        (f"{SMOOTHING}, description=\"it's; (odd\"); mip(plane='native')", ["apply", "mip"]),
        ("unbalanced ( 'quote; mip(plane='native')", ["", "mip"]),
        ("", []),
        ("   ", []),
    ],
)
def test_words_and_calls_are_told_apart(text, names):
    assert [s.name for s in steps_of(text)] == names


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (f"{SMOOTHING})", "a user's own, lab.tools:smooth"),
        ("convert(format='NIfTI', values='hu')", "no DICOM (NIfTI)"),
        ("burnish(amount=3)", f"derive {VERSION} has no operation burnish"),
        ("gaussian_blur(sigma_mm=np.float32(1.5))", "sigma_mm cannot be read back"),
        ("gaussian_blur(sigma=1.5)", "does not take its parameters"),
        ("median(sigma_mm=1)", "does not take its parameters"),
        ("resliced by a workstation", "words"),
    ],
)
def test_what_cannot_be_computed_again_says_why(text, why):
    (step,) = steps_of(text)
    assert not step.recomputable
    assert why in step.why_not


@pytest.mark.parametrize(
    "text",
    [
        "mip(plane=__import__('os').system('true'))",
        "mip(plane=[x for x in (1,)])",
        "mip(plane=open('x').read())",
        "mip(plane=f'{1}')",
        "().__class__.mip(plane='native')",
        "mip(*[1])",
        "mip(**{'plane': 'native'})",
        "(" * 5000 + "mip(plane='native')",
        "mip(" + "; " * 5000,
    ],
)
def test_nothing_of_a_description_is_evaluated(text):
    assert not any(step.recomputable for step in steps_of(text))


SOURCE = "reformatted by a scanner; in 3 mm"


@pytest.mark.parametrize("length", [0, 10, 900, 990, 1015, 1024])
def test_the_own_part_is_what_a_run_added_however_much_was_cut(length, tmp_path):
    before = (SOURCE * 40)[:length].strip()
    source = derive.read(make_series(DerivationDescription=before or None))
    made = derive.build(source, gaussian_blur(sigma_mm=1.5), mip())
    recorded = pydicom.dcmread(made.write(tmp_path / "o").files[0]).DerivationDescription
    assert len(recorded) <= 1024
    assert own_part(recorded, before) == made.derivation.description


def test_a_description_without_that_of_the_source_is_taken_whole():
    assert own_part("mip(plane='native')", "something else") == "mip(plane='native')"
    assert own_part("a [...]; mip(plane='native')", "b") == "a [...]; mip(plane='native')"


def test_codes_belong_to_the_steps_at_the_end():
    codes = [Code(str(k), "DCM", f"code {k}", "") for k in range(3)]
    steps = steps_of("words; gaussian_blur(sigma_mm=1); mip(plane='native')", codes)
    assert [s.code and s.code.value for s in steps] == [None, "1", "2"]


def test_a_grid_of_another_series_is_read_back_to_the_last_digit():
    grid = Geometry((-1 / 3, 2e-7, 3.0), (0.96, 0.28, 0.0), (-0.28, 0.96, 0.0), (0.7, 1 / 3), 2.5, (4, 5, 6), "1.2")
    (step,) = steps_of(str(resample(reference=grid)))
    assert step.grids == {"reference": ast.literal_eval(text_of(grid))}
    assert recorded_grid(step.grids["reference"], "1.2") == grid
    assert step.operation({"reference": grid}).parameters["reference"] == grid


@pytest.mark.parametrize(
    "text",
    [
        "1.2.3",
        "grid (1, 2) (1, 1, 1) mm at 1",
        "grid (1, 2, 3) (1, 1, 0) mm at 0 0 0 1 0 0 0 1 0",
        "grid () () mm at x",
    ],
)
def test_what_is_no_grid_is_none(text):
    assert recorded_grid(text, "") is None


def instance(path):
    (found,) = gather(path).instances
    return found


def test_a_record_holds_software_sources_and_codes(tmp_path):
    source = derive.read(make_series())
    report = derive.build(source, gaussian_blur(sigma_mm=1.0), mip()).write(tmp_path / "o")
    record = record_of(instance(report.files[0]))
    assert record.by_derive
    assert record.software.ours
    assert record.software.versions == VERSION
    (scanner,) = record.contributing
    assert (scanner.manufacturer, scanner.model, scanner.purpose) == ("ACME", "Scanner 1", "Acquisition Equipment")
    assert record.source_series == source.series_instance_uid
    assert record.source_uids == tuple(r.sop_instance_uid for r in source.references)
    assert {s.purpose for s in record.sources} == {"Source image for image processing operation"}
    assert {s.locations_preserved for s in record.sources} == {"NO"}
    assert [s.code.meaning for s in record.steps] == ["Gaussian blur", "Maximum intensity projection"]


def test_the_last_series_that_is_referenced_is_the_one_that_the_last_steps_were_done_to(tmp_path):
    first = derive.read(make_series())
    derive.build(first, gaussian_blur(sigma_mm=1.0)).write(tmp_path / "blurred")
    second = derive.read(tmp_path / "blurred")
    report = derive.build(second, mip()).write(tmp_path / "mip")
    record = record_of(instance(report.files[0]))
    assert record.source_series == second.series_instance_uid
    assert set(record.source_uids) == {r.sop_instance_uid for r in second.references}
    assert len(record.sources) == 12
    before = str(second.value("DerivationDescription"))
    assert [s.text for s in record.steps_since(before)] == ["mip(plane='native')"]


def test_equipment_that_a_caller_set_does_not_hide_who_made_it(tmp_path):
    made = derive.build(derive.read(make_series()), mip(), set={"Manufacturer": "Somebody"})
    record = record_of(instance(made.write(tmp_path / "o").files[0]))
    assert not record.software.ours
    assert record.by_derive


def test_an_original_image_has_no_record(tmp_path):
    (dataset,) = series("CT", 1)
    for keyword in ("DerivationCodeSequence", "SourceImageSequence", "ReferencedSeriesSequence"):
        del dataset[keyword]
    record = record_of(instance(write(tmp_path / "o", [dataset]) / "1.dcm"))
    assert not record.by_derive
    assert (record.steps, record.sources, record.source_series) == ((), (), "")


def flat(values):
    """Every text in tuples of tuples."""
    return [values] if isinstance(values, str) else [text for value in values for text in flat(value)]


@pytest.mark.parametrize(
    "keyword",
    ["DerivationCodeSequence", "SourceImageSequence", "ReferencedSeriesSequence", "ContributingEquipmentSequence"],
)
def test_sequences_that_are_damaged_count_as_not_said(keyword, tmp_path):
    (dataset,) = series("CT", 1)
    raw(dataset, keyword, "SQ", b"\x08\0\x16\0UI\x04\x00garbage!")
    record = record_of(instance(write(tmp_path / "o", [dataset]) / "1.dcm"))
    found = {
        "DerivationCodeSequence": record.codes,
        "SourceImageSequence": record.sources,
        "ReferencedSeriesSequence": record.series,
        "ContributingEquipmentSequence": record.contributing,
    }
    assert "".join(flat(found.pop(keyword))) == ""
    assert all(found.values())


def test_items_without_what_they_should_have_are_read_as_empty(tmp_path):
    (dataset,) = series("CT", 1)
    dataset.SourceImageSequence = Sequence([pydicom.Dataset()])
    dataset.DerivationCodeSequence = Sequence([pydicom.Dataset()])
    record = record_of(instance(write(tmp_path / "o", [dataset]) / "1.dcm"))
    assert record.sources[0] == ("", "", "", "", ())
    assert record.codes[0].value == ""


def test_a_step_is_json_whatever_its_parameters_are():
    (step,) = steps_of("sharpen(a={1, 2}, b=b'x', c=1e999, d=(1, 2.5), e={'k': None})")
    found = step.to_json()["parameters"]
    assert found == {"a": "{1, 2}", "b": "b'x'", "c": "inf", "d": [1, 2.5], "e": {"k": None}}


def double(values: np.ndarray) -> np.ndarray:
    return values * 2


def test_a_function_is_named_with_where_it_is_from(tmp_path):
    made = derive.build(derive.read(make_series()), apply(function=double, code="Smoothing", description="twice; so"))
    record = record_of(instance(made.write(tmp_path / "o").files[0]))
    (step,) = record.steps
    assert f"{double.__module__}:double" in step.why_not
    assert step.parameters["description"] == "twice; so"
    assert step.code.meaning == "Smoothing"


@pytest.mark.parametrize("sigma", [np.float32(1.5), np.float64(1.5), np.int64(2), np.array([1.0, 2.0, 3.0])])
def test_numbers_of_numpy_are_recorded_as_numbers(sigma):
    (step,) = steps_of(derive.build(derive.demo_series(), gaussian_blur(sigma_mm=sigma)).derivation.description)
    assert step.recomputable
