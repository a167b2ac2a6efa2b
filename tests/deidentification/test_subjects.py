"""Who a patient is called by: by the key, by a person's word, or by a table."""

from __future__ import annotations

import pickle
import stat

import pytest

from derive.deidentification.profile.profile import Profile
from derive.deidentification.run.run import RunPlan, run_of
from tests.helpers.asserting import raises_code
from tests.helpers.methods import KEY, OTHER_KEY, instance_of, value_of

JANE, JOHN = instance_of(PatientID="MRN1"), instance_of(PatientID="MRN2")


def called(run, instance=JANE):
    return run.subjects.patient_id(instance), run.subjects.patient_name(instance)


def test_the_key_gives_every_patient_a_name_in_every_run():
    first, again, other = (run_of(Profile(), key) for key in (KEY, KEY, OTHER_KEY))
    assert called(first) == called(again) == called(pickle.loads(pickle.dumps(again)))
    assert len({called(first), called(first, JOHN), called(other)}) == 3
    assert called(first, instance_of(PatientID="MRN1 ", StudyInstanceUID="1.3.7")) == called(first)


def test_objects_that_name_nobody_are_of_their_study():
    run = run_of(Profile(), KEY)
    nobody = [
        instance_of(PatientID=name, StudyInstanceUID=study) for name in ("", None) for study in ("1.3.1", "1.3.2")
    ]
    assert len({called(run, one) for one in nobody}) == 2


def test_a_person_says_it():
    run = run_of(Profile(), KEY, RunPlan(patient_id="S001", patient_name="Subject^One"))
    assert called(run) == ("S001", "Subject^One")
    assert called(run_of(Profile(), KEY, RunPlan(patient_id="S001"))) == ("S001", "S001")
    keyed = called(run_of(Profile(), KEY))[0]
    assert called(run_of(Profile(), KEY, RunPlan(patient_name="Subject^One"))) == (keyed, "Subject^One")


def test_two_patients_are_not_made_one():
    run = run_of(Profile(), KEY, RunPlan(patient_id="S001"))
    for one in (JANE, instance_of(PatientID=""), JANE):
        run.seen(one)
    with raises_code("DEID-PATIENTS") as caught:
        run.seen(JOHN)
    assert "MRN" not in str(caught.value)


def test_two_issuers_of_one_number_are_not_made_one():
    run = run_of(Profile(), KEY)
    run.seen(instance_of(IssuerOfPatientID="EAST"))
    run.seen(JANE)
    run.seen(instance_of(PatientID="MRN2", IssuerOfPatientID="WEST"))
    with raises_code("DEID-ISSUER") as caught:
        run.seen(instance_of(IssuerOfPatientID="WEST"))
    assert "EAST" not in str(caught.value)
    assert "id_map=" in str(caught.value)


def test_a_person_says_that_two_issuers_are_of_one_patient(tmp_path):
    (tmp_path / "map.csv").write_text("id_old,id_new\nMRN1,S001\n")
    two = [instance_of(IssuerOfPatientID=issuer) for issuer in ("EAST", "WEST")]
    for plan in (RunPlan(id_map=tmp_path / "map.csv", id_map_create=True), RunPlan(patient_id="S001")):
        run = run_of(Profile(), KEY, plan)
        for one in two:
            run.seen(one)
        assert {called(run, one) for one in two} == {("S001", "S001")}
    creating = run_of(Profile(), KEY, RunPlan(id_map=tmp_path / "map.csv", id_map_create=True))
    creating.seen(instance_of(PatientID="MRN2", IssuerOfPatientID="EAST"))
    with raises_code("DEID-ISSUER"):
        creating.seen(instance_of(PatientID="MRN2", IssuerOfPatientID="WEST"))


@pytest.mark.parametrize("value", ["S\\1", "S" * 65, "Größe", "S\n1", "S=1=2=3"])
def test_what_cannot_stand_in_every_object_is_refused(value, tmp_path):
    for plan in ({"patient_id": value}, {"patient_name": value}):
        with raises_code("DEID-SUBJECT"):
            run_of(Profile(), KEY, RunPlan(**plan))
    if "\n" not in value:
        (tmp_path / "map.csv").write_text(f"id_old,id_new\nMRN1,{value}\n", encoding="utf-8")
        with raises_code("DEID-SUBJECT"):
            run_of(Profile(), KEY, RunPlan(id_map=tmp_path / "map.csv"))


@pytest.mark.parametrize(
    "text",
    [
        "id_old,id_new\nMRN1,S001\nMRN3,S003\n",
        "\ufeffID_OLD;ID_NEW;NAME_NEW\r\n MRN1 ;S001;\r\n\r\n",
        "name_new\tid_new\tid_old\n\tS001\tMRN1",
        'id_old,id_new\n"MRN1","S001"\n',
    ],
)
def test_a_table_as_people_write_it(text, tmp_path):
    path = tmp_path / "map.csv"
    path.write_text(text, encoding="utf-8", newline="")
    run = run_of(Profile(), KEY, RunPlan(id_map=path))
    assert called(run) == ("S001", "S001")
    with raises_code("DEID-ID-MAP"):
        run.seen(JOHN)
    run.keep()
    assert path.read_bytes().decode() == text


def test_a_table_of_names(tmp_path):
    (tmp_path / "map.csv").write_text("id_old,id_new,name_new\nMRN1,S001,Subject^One\nMRN2,S002,\n")
    run = run_of(Profile(), KEY, RunPlan(id_map=tmp_path / "map.csv"))
    assert called(run) == ("S001", "Subject^One")
    assert called(run, JOHN) == ("S002", "S002")


@pytest.mark.parametrize(
    "text",
    [
        *("", "MRN1,S001\n", "id_old\nMRN1\n", "id_old,id_nwe\nMRN1,S001\n", "id_old,id_new\nMRN1,S001\nMRN1,S002\n"),
        *(
            "id_old,id_new\nMRN1,\n",
            "id_old,id_new\n,S001\n",
            "id_old,id_new\nMRN1,MRN1\n",
            "id_old,id_new\nMRN1,S,1\n",
        ),
        *("id_old,id_new\nMRN1,MRN2\nMRN2,S002\n",),
    ],
)
def test_what_is_no_table_of_patients_is_refused(text, tmp_path):
    path = tmp_path / "map.csv"
    path.write_text(text)
    with raises_code("DEID-ID-MAP") as caught:
        run_of(Profile(), KEY, RunPlan(id_map=path))
    assert "MRN" not in str(caught.value)
    assert path.read_text() == text


def test_a_table_is_there_or_is_begun(tmp_path):
    path = tmp_path / "map.csv"
    with raises_code("DEID-ID-MAP"):
        run_of(Profile(), KEY, RunPlan(id_map=path))
    run = run_of(Profile(), plan=RunPlan(id_map=path, id_map_create=True))
    for one in (JOHN, JANE, JOHN):
        run.seen(one)
    assert not path.exists()
    run.keep()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    again = run_of(Profile(), OTHER_KEY, RunPlan(id_map=path))
    assert (called(again), called(again, JOHN)) == (called(run), called(run, JOHN))


def test_further_patients_stand_behind_those_that_were_there(tmp_path):
    path = tmp_path / "map.csv"
    path.write_text("name_new;id_new;id_old\n;S001;MRN1")
    run = run_of(Profile(), KEY, RunPlan(id_map=path, id_map_create=True))
    run.seen(JANE)
    run.seen(JOHN)
    run.keep()
    assert path.read_text() == f"name_new;id_new;id_old\n;S001;MRN1\n;{called(run, JOHN)[0]};MRN2\n"


def test_what_excludes_each_other():
    for plan in ({"patient_id": "S1", "id_map": "map.csv"}, {"id_map_create": True}):
        with raises_code("DEID-SUBJECT"):
            RunPlan(**plan)


@pytest.mark.parametrize(
    ("said", "hint"),
    [
        ({"PN": "NOBODY", "StudyDate": "20000101", "LO": "NONE"}, ""),
        ({"OB": "x"}, "no VR of text"),
        ({"PatientsName": "x"}, "no keyword"),
        ({"DA": "2000"}, "YYYYMMDD"),
        ({"LO": " "}, "empty"),
        ({"LO": "a\\b"}, "more than one"),
        ({"LO": "ü"}, "ASCII"),
        ({"SH": "x" * 17}, "16"),
    ],
)
def test_dummies_of_a_person_are_legal_or_refused(said, hint):
    if not hint:
        run = run_of(Profile(), KEY, RunPlan(dummies=said))
        assert value_of("replace", "ReferringPhysicianName", "PN", "Doe^Jane", run=run) == "NOBODY"
        assert value_of("replace", "ReferringPhysicianName", "PN", "Nobody", run=run) == "ANONYMIZED"
        assert value_of("replace", "StudyDate", "DA", "20240301", run=run) == "20000101"
        assert value_of("replace", "SeriesDate", "DA", "20240301", run=run) == "19000101"
        return
    with raises_code("DEID-DUMMY") as caught:
        run_of(Profile(), KEY, RunPlan(dummies=said))
    assert hint in str(caught.value)
