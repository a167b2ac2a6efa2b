"""The graph of UIDs: before and after it is the same graph, whatever its nodes are called."""

from __future__ import annotations

import pytest
from pydicom import dcmread

import derive
from derive.deidentification.check.folders import deid_check
from derive.deidentification.profile.profile import profile_of
from tests.helpers.asserting import each, every
from tests.helpers.by_hand import stored
from tests.helpers.methods import KEY
from tests.helpers.referring import NOTES, REPORT, SEGMENTS, STRUCTURES, study, uids_in

PROFILES = {"basic": {}, "structured": {"clean": ["structured-content", "descriptors"]}}


@pytest.fixture(params=PROFILES.values(), ids=PROFILES)
def options(request):
    """What a profile is asked for."""
    return {"profile": "basic", **request.param}


def written(folder, datasets, key=KEY, **options):
    """The objects of a set as they are published, by their class and number."""
    source, out = folder / "study", folder / "out"
    source.mkdir(parents=True)
    for number, ds in enumerate(datasets):
        (source / str(number)).write_bytes(stored(ds))
    derive.deidentify(source, out, key=key, **options)
    return by_kind(dcmread(path) for path in each(out.rglob("*.dcm"), len(datasets)))


def by_kind(datasets):
    return {(ds.SOPClassUID, int(ds.InstanceNumber)): ds for ds in datasets}


def places(objects):
    return {(kind, *place): uid for kind, ds in objects.items() for place, uid in uids_in(ds)}


def test_it_is_isomorphic(tmp_path, options):
    before, after = by_kind(study()), written(tmp_path, study(), **options)
    assert after.keys() == before.keys()
    old, new = places(before), places(after)
    shared = [place for place in old if place in new]
    forth, back = {}, {}
    for place in each(shared, 50):
        assert forth.setdefault(old[place], new[place]) == new[place], place
        assert back.setdefault(new[place], old[place]) == old[place], place
    assert every(uid not in forth for uid in new.values())


def test_no_reference_is_lost(tmp_path, options):
    before, after = by_kind(study()), written(tmp_path, study(), **options)
    for kind in (NOTES, REPORT, SEGMENTS, STRUCTURES, "1.2.840.10008.5.1.4.1.1.11.1"):
        counts = [
            sum("ReferencedSOPInstanceUID" in place for place, _ in uids_in(objects[kind, 1]))
            for objects in (before, after)
        ]
        assert counts[0] == counts[1] > 0, kind


def test_classes_and_schemes_are_what_they_were(tmp_path):
    before, after = study(), written(tmp_path, study())
    for ds in each(before, 7):
        written_ = after[ds.SOPClassUID, int(ds.InstanceNumber)]
        classes = [[e.value for e in o.iterall() if e.keyword.endswith("SOPClassUID")] for o in (ds, written_)]
        assert classes[0] == classes[1]


def test_the_same_key_gives_the_same_graph(tmp_path):
    one, same = (places(written(tmp_path / name, study())) for name in ("one", "same"))
    assert one == same
    other = places(written(tmp_path / "other", study(), key=b"another key, as long as it has to be"))
    assert set(one.values()).isdisjoint(other.values())


def test_a_second_study_of_a_patient_is_of_the_same_patient(tmp_path):
    later = study()
    for ds in later:
        ds.StudyInstanceUID, ds.StudyDate = "1.2.3.4", "20210305"
    options = {"retain": ["modified-dates"]}
    first, second = (written(tmp_path / n, d, **options) for n, d in (("a", study()), ("b", later)))
    pairs = [(first[kind], second[kind]) for kind in each(first, 7)]
    assert every(a.PatientID == b.PatientID and a.PatientName == b.PatientName for a, b in pairs)
    assert every(a.SeriesDate == b.SeriesDate != "20200305" for a, b in pairs), "one shift for both"
    assert every(a.SeriesInstanceUID == b.SeriesInstanceUID for a, b in pairs)
    assert every(a.StudyInstanceUID != b.StudyInstanceUID for a, b in pairs)


def test_the_check_agrees(tmp_path, options):
    written(tmp_path, study(), **options)
    profile = profile_of("basic", (), options.get("clean", ()))
    report = deid_check(tmp_path / "study", tmp_path / "out", profile)
    assert [str(v) for v in report.violations] == []
