"""Series Number and Series Description: near the source's, of their own, and what was done comes first."""

from __future__ import annotations

import pydicom
import pytest

import derive
from derive.authoring.entities.series import LARGEST_IS
from derive.operations import apply, gaussian_blur, mean_projection, minip, mip, resample
from tests.helpers.asserting import each, every
from tests.helpers.sources import make_series

BLUR = gaussian_blur(sigma_mm=1.0)
STEPS = [
    [BLUR],
    [gaussian_blur(sigma_mm=2.0)],
    [mip()],
    [mip(plane="coronal", slab_mm=10, step_mm=5)],
    [minip()],
    [mean_projection(slab_mm=4)],
    [resample(spacing_mm=2.0)],
    [resample(spacing_mm=2.0), BLUR],
    [apply(function=abs, code="Smoothing", description="first", halo_slices=0)],
    [apply(function=abs, code="Smoothing", description="second", halo_slices=0)],
]


def first(folder, *steps, source=None, **options):
    """The first instance of what was made."""
    source = source or derive.read(make_series("CT"))
    return pydicom.dcmread(derive.build(source, *steps, **options).write(folder).files[0])


def test_results_of_one_source_have_numbers_and_descriptions_of_their_own(tmp_path):
    source = derive.read(make_series("CT"))
    made = [
        first(tmp_path / str(k), *steps, source=source, uids="reproducible", timestamp=None)
        for k, steps in enumerate(STEPS)
    ]
    assert len({d.SeriesNumber for d in made}) == len(STEPS)
    assert len({d.SeriesDescription for d in made}) == len(STEPS)
    for dataset in each(made, len(STEPS)):
        assert str(dataset.SeriesNumber).startswith("3")
        assert dataset.SeriesDescription.endswith(": Thorax 2.0")


def test_a_series_that_is_made_again_has_another_number_unless_it_is_the_same(tmp_path):
    again = [first(tmp_path / f"a{k}", BLUR) for k in range(3)]
    assert len({d.SeriesNumber for d in again}) > 1  # three are alike once in 81 million times
    same = [first(tmp_path / f"s{k}", BLUR, uids="reproducible") for k in range(2)]
    assert same[0].SeriesInstanceUID == same[1].SeriesInstanceUID
    assert same[0].SeriesNumber == same[1].SeriesNumber


@pytest.mark.parametrize(
    ("own", "low", "high"),
    [
        (0, 1_000, 9_999),
        (None, 1_000, 9_999),
        ("", 1_000, 9_999),
        (1, 11_000, 19_999),
        (-3, -39_999, -31_000),
        (4001, 40_011_000, 40_019_999),
        (214_747, 2_147_471_000, 2_147_479_999),
        (214_748, 215_748, 224_747),
        (31_234_567, 31_235_567, 31_244_566),
        (LARGEST_IS, LARGEST_IS - 9_999, LARGEST_IS - 1_000),
        (-LARGEST_IS, 1_000 - LARGEST_IS, 9_999 - LARGEST_IS),
    ],
)
def test_a_number_is_near_that_of_the_source_and_an_is(own, low, high, tmp_path):
    source = derive.read(make_series("CT", SeriesNumber=own))
    number = first(tmp_path / "o", BLUR, source=source).SeriesNumber
    assert low <= number <= high
    assert abs(number) <= LARGEST_IS


def test_results_of_results_have_numbers_too(tmp_path):
    numbers, folder = [3], None
    for generation in range(4):
        source = derive.read(folder) if folder else None
        folder = tmp_path / str(generation)
        numbers.append(first(folder, BLUR, source=source).SeriesNumber)
    assert len(set(numbers)) == 5
    assert every(0 < n <= LARGEST_IS for n in numbers)


def test_a_number_and_a_description_that_are_given_stay(tmp_path):
    made = first(tmp_path / "o", BLUR, series_number=12, series_description="mine")
    assert (made.SeriesNumber, made.SeriesDescription) == (12, "mine")


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ("STD BRAIN", "MIP cor 10/5 mm: STD BRAIN"),
        ("", "MIP cor 10/5 mm"),
        (None, "MIP cor 10/5 mm"),
        (" padded  twice ", "MIP cor 10/5 mm: padded twice"),
        ("s" * 64, "MIP cor 10/5 mm: " + "s" * 47),
    ],
)
def test_a_description_begins_with_what_was_done(said, wanted, tmp_path):
    source = derive.read(make_series("CT", SeriesDescription=said))
    step = mip(plane="coronal", slab_mm=10, step_mm=5)
    assert first(tmp_path / "o", step, source=source).SeriesDescription == wanted


def test_what_was_done_twice_is_said_twice_and_cut_where_it_is_the_sources(tmp_path):
    once = derive.read(make_series("CT", SeriesDescription="blur 1 mm: head"))
    assert first(tmp_path / "a", BLUR, source=once).SeriesDescription == "blur 1 mm: blur 1 mm: head"
    long = ("blur 1 mm: " * 6)[:64].strip()
    full = derive.read(make_series("CT", SeriesDescription=long))
    found = first(tmp_path / "b", BLUR, source=full).SeriesDescription
    assert found != long
    assert len(found) <= 64


def test_words_of_the_caller_with_characters_that_a_text_cannot_have_are_one_line(tmp_path):
    step = apply(function=abs, code="Smoothing", description="a \\ b", halo_slices=0)
    assert first(tmp_path / "o", step).SeriesDescription == "a b: Thorax 2.0"
