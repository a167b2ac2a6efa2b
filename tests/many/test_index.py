"""The index of a tree: every file once, incremental, and what series say."""

from __future__ import annotations

import os
import shutil

import pytest

from derive.many.facts import MOST_VALUES, merged
from derive.many.index import TreeIndex
from derive.many.walking import Stamped, walk
from derive.reading.files import Unreadable
from tests.helpers.asserting import each, raises_code
from tests.helpers.source_files import save
from tests.helpers.sources import make_series
from tests.helpers.trees import tree_of


def test_every_file_is_met_once_and_no_circle_is_followed(tree):
    found = [f for f in walk([tree[0]]) if isinstance(f, Stamped)]
    paths = {os.path.join(f.folder, f.name) for f in found}
    assert len(paths) == len(found)
    on_disk = {os.path.join(top, name) for top, _, names in os.walk(tree[0]) for name in names}
    assert {p for p in on_disk if os.path.isfile(p)} == paths


def test_a_folder_that_cannot_be_looked_into_is_told(tree, monkeypatch):
    scandir = os.scandir

    def closed(path):
        if str(path).endswith("nothing in it"):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", closed)
    told = [f for f in walk([tree[0]]) if isinstance(f, Unreadable)]
    assert [(f.name, f.code) for f in told if f.name != "gone"] == [("nothing in it", "SRC-UNREADABLE")]


def test_what_is_no_folder_is_refused(tmp_path):
    (tmp_path / "a.zip").write_bytes(b"PK\x03\x04")
    with raises_code("MANY-INPUT"):
        list(walk([tmp_path / "a.zip"]))
    with raises_code("SRC-MISSING"):
        list(walk([tmp_path / "missing"]))


def test_results_below_the_tree_are_passed_over(tmp_path):
    root = tmp_path / "archive"
    (root / "derived" / "x").mkdir(parents=True)
    (root / "derived" / "x" / "1.dcm").write_bytes(b"x")
    (root / "2.dcm").write_bytes(b"x")
    assert [f.name for f in walk([root], root / "derived") if isinstance(f, Stamped)] == ["2.dcm"]


def test_a_scan_reads_what_is_new_or_changed_and_forgets_what_is_gone(tmp_path):
    root = tmp_path / "archive"
    tree_of(root, 3)
    with TreeIndex(tmp_path / "index.sqlite") as index:
        before = index.scan([root], set())
        digests = {uid: index.files(uid).digest for uid in index.series()}
        assert len(digests) == 3
        shutil.rmtree(next(root.rglob("00001 MR")))
        changed = next(root.rglob("00002 PT")) / "IM0001.dcm"
        os.utime(changed, ns=(1, 1))
        after = index.scan([root], set())
        now = {uid: index.files(uid).digest for uid in index.series()}
    assert after.instances == before.instances - 4
    assert len(now) == 2
    assert [now[uid] == digests[uid] for uid in sorted(now)] == [True, False]


def test_the_digest_of_content_does_not_follow_times(tmp_path):
    root = tmp_path / "archive"
    tree_of(root, 1)
    with TreeIndex(tmp_path / "index.sqlite") as index:
        index.scan([root], set())
        (uid,) = index.series()
        before = index.files(uid, content=True).digest
        for path in each(root.rglob("IM*.dcm"), 4):
            os.utime(path, ns=(1, 1))
        index.scan([root], set())
        assert index.files(uid, content=True).digest == before
        path.write_bytes(path.read_bytes()[:-2] + b"\1\1")
        index.scan([root], set())
        assert index.files(uid, content=True).digest != before


def test_another_plan_asks_for_more(tmp_path):
    root = tmp_path / "archive"
    tree_of(root, 1)
    with TreeIndex(tmp_path / "index.sqlite") as index:
        index.scan([root], {"Modality"})
        (uid,) = index.series()
        assert "SliceThickness" not in index.facts(uid)
        index.scan([root], {"SliceThickness"})
        assert index.facts(uid)["SliceThickness"]
        assert index.facts(uid)["Images"] == "4"


def test_links_are_no_second_images(tree, tmp_path):
    with TreeIndex(tmp_path / "index.sqlite") as index:
        index.scan([tree[0]], set())
        first = "2.25.8000000"
        assert index.facts(first)["Images"] == "4"
        assert len(index.files(first).paths) == 4
        assert index.counts().unread == 2  # a broken file, and a link that leads nowhere


def test_a_file_that_cannot_be_read_is_of_the_series_that_it_lies_with_alone(tmp_path):
    root = tmp_path / "archive"
    tree_of(root / "a", 1)
    (folder,) = {p.parent for p in each((root / "a").rglob("IM*.dcm"))}
    (folder / "bad.dcm").write_bytes((folder / "IM0001.dcm").read_bytes()[:600])
    with TreeIndex(tmp_path / "index.sqlite") as index:
        index.scan([root], set())
        (uid,) = index.series()
        assert str(folder / "bad.dcm") in index.files(uid).paths
        for dataset in make_series("CT", count=1):
            save(dataset, folder / "another series.dcm")
        index.scan([root], set())
        assert [str(folder / "bad.dcm") in index.files(u).paths for u in each(index.series(), 2)] == [False, False]
        assert [u.code for u in index.unread() if u.name == "bad.dcm"] == ["SRC-UID"]


def test_frames_say_what_their_groups_do(real, tmp_path):
    with TreeIndex(tmp_path / "index.sqlite") as index:
        index.scan([real("enhanced_ct_2f")], {"SliceThickness", "PixelSpacing"})
        (uid,) = index.series()
        facts = index.facts(uid)
    assert float(facts["SliceThickness"]) > 0
    assert facts["PixelSpacing"] == "0.388672"  # each value once


def test_of_what_differs_from_image_to_image_only_so_much_is_kept():
    several = [{"InstanceNumber": str(n), "ImageType": "ORIGINAL\\PRIMARY"} for n in range(MOST_VALUES + 50)]
    facts = merged(several, len(several))
    assert len(facts["InstanceNumber"].split("\\")) == MOST_VALUES
    assert facts["ImageType"] == "ORIGINAL\\PRIMARY"


def test_what_is_no_index_is_refused(tmp_path):
    (tmp_path / "index.sqlite").write_text("hello " * 300)
    with raises_code("OUT-FOREIGN"):
        TreeIndex(tmp_path / "index.sqlite")


@pytest.mark.parametrize("scale", [40])
def test_memory_does_not_grow_with_the_tree(tmp_path, scale):
    """What Python holds after a scan is the same for one series and for many."""
    import tracemalloc

    root = tmp_path / "archive"
    held = []
    for number in each([1, scale], 2):
        tree_of(root / str(number), number)
        with TreeIndex(tmp_path / f"{number}.sqlite") as index:
            index.scan([root / str(number)], set())  # what is imported and remembered at first
            os.remove(tmp_path / f"{number}.sqlite")
        tracemalloc.start()
        with TreeIndex(tmp_path / f"{number}.sqlite") as index:
            index.scan([root / str(number)], set())
            held.append(tracemalloc.get_traced_memory()[0])
        tracemalloc.stop()
    assert held[1] < 4 * held[0] + 500_000
