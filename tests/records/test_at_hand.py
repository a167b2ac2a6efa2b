"""Source images in several folders: the most complete one counts, whatever its name, and copies are copies."""

from __future__ import annotations

import shutil
import zipfile

import pytest
from pydicom import dcmread

import derive
from derive.records.explain import explain
from tests.helpers.sources import make_series
from tests.helpers.verification import save, verified


@pytest.fixture
def tried(tmp_path):
    """A derived series in ``m/out``, and what makes folders beside it with some of its source images."""
    source = save(make_series("CT", 8), tmp_path / "source")
    (tmp_path / "m").mkdir()
    out = derive.build(derive.read(source), derive.operations.gaussian_blur(sigma_mm=1.0)).write(tmp_path / "m" / "out")

    def copy(name, numbers):
        folder = tmp_path / "m" / name
        folder.mkdir(parents=True)
        for number in numbers:
            shutil.copy(source / f"{number}.dcm", folder)
        return folder

    return out.folder, copy


@pytest.mark.parametrize(
    "folders",
    [
        {"a": range(1, 4), "z": range(1, 9)},
        {"a": range(1, 9), "z": range(1, 4)},
        {"a": range(1, 8), "deep/below/it": range(1, 9)},
        {"a": range(1, 4), "b": range(4, 7), "z": range(1, 9)},
    ],
    ids=["least first", "least last", "deep", "three"],
)
def test_the_most_complete_neighbour_is_taken(tried, folders):
    out, copy = tried
    for name, numbers in folders.items():
        copy(name, numbers)
    assert (verified(out).verdict, verified(out).sources) == ("SAME", (8, 8, 8))
    assert (explain(out).source_images, explain(out).notes) == (8, ())


@pytest.mark.parametrize("order", [1, -1])
def test_of_several_folders_that_are_named_the_most_complete_one_counts(tried, order):
    out, copy = tried
    named = [copy("part", range(1, 4)), copy("whole", range(1, 9)), copy("rest", range(3, 9))][::order]
    assert verified(out, named).verdict == "SAME"
    assert (explain(out, sources=named).source_images, explain(out, sources=named).notes) == (8, ())
    # One folder above them all is the same question.
    assert verified(out, out.parent).verdict == "SAME"


@pytest.mark.parametrize("split", [(range(1, 5), range(5, 9)), (range(1, 6), range(4, 9))], ids=["apart", "overlap"])
def test_parts_of_a_series_are_put_together(tried, split):
    out, copy = tried
    named = [copy(f"part{k}", numbers) for k, numbers in enumerate(split)]
    assert verified(out, named).verdict == "SAME"
    assert explain(out, sources=named).source_images == 8


def test_what_is_in_none_of_them_is_missing(tried):
    out, copy = tried
    named = [copy("a", range(1, 4)), copy("b", range(2, 7))]
    found = verified(out, named)
    assert (found.verdict, len(found.missing)) == ("NOT-RECOMPUTABLE", 2)


def test_a_part_in_the_folder_itself_does_not_hide_the_whole_beside_it(tried):
    out, copy = tried
    copy("beside", range(1, 9))
    own = dcmread(next(out.glob("*.dcm")), stop_before_pixels=True).SeriesInstanceUID
    shutil.move(copy("part", range(1, 3)), out / "part")
    assert verified(out, series=own).verdict == "SAME"


def test_a_copy_in_an_archive_is_a_copy(tried):
    out, copy = tried
    part, whole = copy("part", range(1, 6)), copy("whole", range(1, 9))
    with zipfile.ZipFile(out.parent / "copy.zip", "w") as archive:
        for file in part.iterdir():
            archive.write(file, f"in/{file.name}")
    assert verified(out, [out.parent / "copy.zip", whole]).verdict == "SAME"
