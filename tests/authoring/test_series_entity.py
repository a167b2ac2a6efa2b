"""Series Number and Series Description: near the source's, of their own, and what was done comes first."""

from __future__ import annotations

import re
from dataclasses import replace

import pydicom
import pytest

import derive
from derive.authoring.entities.series import LARGEST_IS, series_number
from derive.authoring.options import Options
from derive.authoring.prepare import draft
from derive.model.uids import RandomUids
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
    assert len({d.SeriesNumber for d in again}) > 1  # three are alike once in 810 thousand million times
    same = [first(tmp_path / f"s{k}", BLUR, uids="reproducible") for k in range(2)]
    assert same[0].SeriesInstanceUID == same[1].SeriesInstanceUID
    assert same[0].SeriesNumber == same[1].SeriesNumber


@pytest.mark.parametrize(
    ("own", "low", "high"),
    [
        (0, 100_000, 999_999),
        (None, 100_000, 999_999),
        ("", 100_000, 999_999),
        (1, 1_100_000, 1_999_999),
        (-3, -3_999_999, -3_100_000),
        (2_146, 2_146_100_000, 2_146_999_999),
        (2_147, 214_710_000, 214_799_999),
        (4_001, 400_110_000, 400_199_999),
        (214_747, 2_147_471_000, 2_147_479_999),
        (214_748, 100_000, 999_999),
        (3_482_113, 3_100_000, 3_999_999),
        (31_234_567, 31_100_000, 31_999_999),
        (LARGEST_IS, 2_146_100_000, 2_146_999_999),
        (-LARGEST_IS, -2_146_999_999, -2_146_100_000),
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
        ("s" * 64, "MIP cor 10/5 mm"),
        ("a" * 40 + " " + "b" * 9, "MIP cor 10/5 mm: " + "a" * 40),
        (
            "t1_mprage_sag_p2_iso_with_and_without_contrast_1.25mm",
            "MIP cor 10/5 mm: t1_mprage_sag_p2_iso_with_and_without_contrast",
        ),
        (
            "Abdomen, portal venous phase, B30f 1.5 mm thin slices",
            "MIP cor 10/5 mm: Abdomen, portal venous phase, B30f 1.5 mm thin",
        ),
        ("w" * 47, "MIP cor 10/5 mm: " + "w" * 47),
        ("w" * 47 + " x", "MIP cor 10/5 mm: " + "w" * 47),
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


def test_results_of_one_source_have_different_numbers():
    source = derive.read(make_series("CT"))
    authoring = draft(derive.build(source, BLUR).order, Options())
    numbers = [series_number(replace(authoring, uids=RandomUids())) for _ in range(60)]
    assert len(set(numbers)) >= 59  # two are alike once in five hundred times, four once in a million


def test_a_chain_is_told_by_the_words_of_its_last_step_and_ends_between_words(tmp_path):
    folder, words = None, set()
    for k in range(8):
        source = derive.read(folder) if folder else derive.read(make_series("CT", SeriesDescription="Abdomen portal"))
        folder = tmp_path / str(k)
        text = first(folder, gaussian_blur(sigma_mm=1.25), source=source).SeriesDescription
        assert len(text) <= 64
        assert text.startswith("blur 1.25 mm")
        words |= set(text.replace(":", " ").split())
    assert {w for w in words if not w.startswith("#")} == {"blur", "1.25", "mm", "Abdomen", "portal"}


def test_many_steps_are_cut_between_two_of_them_and_marked(tmp_path):
    text = first(tmp_path / "o", *[gaussian_blur(sigma_mm=1.25 + k) for k in range(7)]).SeriesDescription
    assert re.fullmatch(r"blur 1.25 mm(, blur \d.25 mm)+ #[0-9a-f]{4}", text)


def test_one_long_word_is_cut_and_marked_all_the_same(tmp_path):
    step = apply(function=abs, code="Smoothing", description="x" * 90, halo_slices=0)
    assert re.fullmatch(r"x{58} #[0-9a-f]{4}", first(tmp_path / "o", step).SeriesDescription)
