"""``derive find`` and what ``derive fetch`` takes of it: every kind of archive, as a table and as JSON."""

from __future__ import annotations

import io
import json
from importlib.resources import files

import jsonschema
import pytest
from pydicom import config

import derive
from derive.cli.main import main
from derive.errors import UsageError
from derive.pacs.find import uids_in
from derive.pacs.service.service import ArchiveService
from tests.helpers.archive_peers import CT, OTHER_PATIENT, SERIES, keys_of, some_series, store, uids
from tests.helpers.asserting import each, every, raises_code
from tests.helpers.servers import dcmqrscp, orthanc

EVERY = [d for series in SERIES.values() for d in series]


@pytest.fixture(scope="module", params=["own", "folder", "dcmqrscp", "orthanc", "web"])
def where(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("found")
    if request.param in ("own", "folder"):
        with ArchiveService(folder / "store", port=0) as service:
            store(service, EVERY)
            yield f"ARCHIVE@127.0.0.1:{service.port}" if request.param == "own" else str(folder / "store")
        return
    with (dcmqrscp if request.param == "dcmqrscp" else orthanc)(folder / "server") as server:
        store(server, EVERY)
        yield server.url if request.param == "web" else server.address


def said(capsys, name, *arguments):
    code = main([*map(str, arguments), "--json"])
    printed = json.loads(capsys.readouterr().out)
    schema = json.loads(files("derive.cli").joinpath(f"schemas/{name}.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(schema).validate(printed)
    return code, printed


@pytest.mark.parametrize(
    ("filters", "studies"),
    [
        ({}, 3),
        ({"patient_id": "PAT-1"}, 2),
        ({"patient_name": "Roe*"}, 1),
        ({"date": "2025"}, 1),
        ({"date": "20250101-20261231", "modality": "CT"}, 2),
        ({"modality": "pt"}, 1),
        ({"accession": "A?"}, 3),
        ({"patient_id": "NOBODY"}, 0),
    ],
)
def test_studies_are_found_by_what_people_know(where, filters, studies):
    found = derive.find(where, **filters)
    assert (len(found), found.level, found.cut) == (studies, "study", "")
    assert None not in [s.series for s in found]


def test_a_table_has_lines_that_fetch_takes(where, tmp_path, capsys):
    assert main(["find", where, "--patient-id", "PAT-2", "--level", "series"]) == 0
    line = each(capsys.readouterr().out.splitlines(), 3)[1]
    assert line.startswith("2026-01-02  PAT-2       Roe^Richard")
    assert main(["fetch", where, *line.split(), "-o", str(tmp_path / "out")]) == 0
    assert sorted(f.stem for f in (tmp_path / "out").iterdir()) == uids(SERIES[OTHER_PATIENT])


def test_json_is_what_the_schemas_say_and_is_taken_as_a_whole(where, tmp_path, capsys, monkeypatch):
    code, found = said(capsys, "find", "find", where, "--study-uid", keys_of(SERIES[CT])[0])
    assert (code, found["level"], found["complete"], len(found["rows"])) == (0, "series", True, 2)
    assert [row["instances"] for row in found["rows"]] == [4, 3]
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(json.dumps(found).encode())))
    code, fetched = said(capsys, "fetch", "fetch", where, "--from", "-", "-o", tmp_path / "out")
    assert (code, fetched["complete"], len(fetched["files"])) == (0, True, 7)


@pytest.mark.parametrize("level", ["study", "series"])
def test_more_than_the_limit_is_said(where, level):
    found = derive.find(where, level=level, limit=1)
    assert len(found) == 1
    assert "more than 1" in found.cut
    assert "not all" in str(found)


def test_what_terminals_obey_does_not_reach_them(tmp_path):
    with ArchiveService(tmp_path, port=0) as service:
        store(service, some_series(8, count=1, PatientName="Doe\x07^\x08J"))
        table = str(derive.find(f"ARCHIVE@127.0.0.1:{service.port}"))
    assert every(c.isprintable() or c == "\n" for c in table)


def test_nothing_of_patients_is_in_a_repr(where):
    assert "Doe" not in repr(derive.find(where))


@pytest.mark.parametrize("text", ["", "[]", "{}", "no uid here", '{"rows": []}', '[{"study_instance_uid": "../x"}]'])
def test_what_names_nothing_is_refused(text):
    with raises_code("NET-FROM", UsageError):
        uids_in(text)


def test_illegal_uids_are_sent_and_what_cannot_be_asked_is_said(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(config.settings, "reading_validation_mode", config.IGNORE)
    instances = some_series(7, SeriesInstanceUID="1.2.840.ANON.5")
    (tmp_path / "in").mkdir()
    for number, dataset in enumerate(instances):
        dataset.preamble = b"\0" * 128
        dataset.save_as(tmp_path / "in" / f"{number}.dcm")
    with orthanc(tmp_path / "server") as server:
        for target in (server.address, server.url):
            assert main(["send", str(tmp_path / "in"), target, "--verify", "--json"]) == 9
            printed = json.loads(capsys.readouterr().out)
            assert (printed["stored"], printed["failed"], printed["ok"]) == (4, 0, False)
            assert (printed["verification"]["missing"], len(printed["verification"]["unknown"])) == ([], 4)
