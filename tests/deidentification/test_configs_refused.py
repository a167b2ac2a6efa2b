"""What a configuration says and cannot be: refused with a code and its place, before any file is looked at."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from derive.deidentification.configs.read import read_config
from derive.deidentification.run.run import run_of
from derive.errors import UsageError
from tests.deidentification.test_configs import RECIPE, SHIPPED
from tests.deidentification.test_templates import OWN, SCRIPT
from tests.helpers.asserting import raises_code
from tests.helpers.configured import configured

RULE = '[[rule]]\ntag = "{}"\nmethod = "{}"\n{}'
MICROSOFT = '{{"rules": [{{"tag": "{}", "method": "{}"{}}}]}}'
GOOGLE = '{{"config": {{{}}}}}'
HEADER = "FORMAT dicom\n%header\n{}\n"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("profile = 'basik'", "DEID-PROFILE"),
        ("profile = ['basic', 'keep-all']", "DEID-PROFILE"),
        ("profile = ['basic', 'retain-devices']", "DEID-OPTION"),
        ("profile = 3", "DEID-CONFIG"),
        ("retain = ['descriptors']", "DEID-OPTION"),
        ("clean = ['device-identity']", "DEID-OPTION"),
        ("retain = ['full-dates', 'modified-dates']", "DEID-DATES"),
        ("edition = '2013'", "DEID-PROFILE"),
        ("dialect = 'orthanc'", "DEID-PROFILE"),
        ("dialect = 'dcm4chee'\nretain = ['safe-private']", "DEID-OPTION"),
        ("tags = ['PatientID']", "DEID-PROFILE"),
        ("profile = 'keep-list'\ntags = ['PatientId']", "DEID-ADDRESS"),
        ("profil = 'basic'", "DEID-CONFIG"),
        ("profile = 'basic", "DEID-CONFIG"),
        (RULE.format("PatientNam", "keep", ""), "DEID-ADDRESS"),
        (RULE.format("(0029,1010)", "keep", ""), "DEID-ADDRESS"),
        (RULE.format("PatientName", "hide", ""), "DEID-METHOD"),
        (RULE.format("PatientName", "dateShift", ""), "DEID-METHOD"),
        (RULE.format("PatientID", "cryptoHash", "size = 3"), "DEID-SETTING"),
        (RULE.format("PatientID", "cryptoHash", "length = 'long'"), "DEID-SETTING"),
        (RULE.format("PatientID", "cryptoHash", "algorithm = 'md5'"), "DEID-SETTING"),
        (RULE.format("DA", "dateShift", "range = 'soon'"), "DEID-DATES"),
        (RULE.format("StudyDate", "substitute", "replace_with = 'soon'"), "DEID-SETTING"),
        (RULE.format("PatientID", "substitute", f"replace_with = '{'x' * 65}'"), "DEID-SETTING"),
        (RULE.format("DA", "substitute", ""), "DEID-SETTING"),
        ("[dummies]\nPatientSex = 1", "DEID-CONFIG"),
        ("[dummies]\nPatientSx = 'O'", "DEID-DUMMY"),
        (RULE.format("SOPClassUID", "remove", ""), "DEID-METHOD"),
        (RULE.format("00080018", "redact", ""), "DEID-METHOD"),
        (RULE.format("SpecificCharacterSet", "substitute", "replace_with = 'ISO_IR 100'"), "DEID-METHOD"),
        ("[[rule]]\ntag = 'PatientID'", "DEID-CONFIG"),
        ("[[rule]]\nmethod = 'keep'", "DEID-CONFIG"),
        ("rule = 'PatientID'", "DEID-CONFIG"),
        ("[uids]\nmode = 'md5'", "DEID-CONFIG"),
        ("[uids]\nmode = 'random'", "DEID-CONFIG"),
        ("[uids]\nexternal = 'drop'", "DEID-EXTERNAL"),
        ("[uids]\nkey = 'secret'", "DEID-CONFIG"),
        ("[date_shift]\nscope = 'clinic'", "DEID-DATES"),
        ("[date_shift]\nrange_days = [0, 0]", "DEID-DATES"),
        ("[date_shift]\nrange_days = '-365..-1'", "DEID-CONFIG"),
        ("[ids]\nmap = 'a.csv'\npatient_id = 'S1'", "DEID-SUBJECT"),
        ("[[private.keep]]\ngroup = 0x0018\ncreator = 'X'\nelements = [1]", "DEID-PRIVATE"),
        ("[private_dictionary]\n'(0021,10)' = 'DS'", "DEID-PRIVATE"),
        ("[pixels]\nboxes = [[0, 0, 10]]", "DEID-BOX"),
        ("[pixels]\nocr = 'maybe'", "DEID-PIXEL-PLAN"),
        ("[pixels]\ntemplates = 'absent.toml'", "DEID-TEMPLATE"),
        ("[[pixels.template]]\nwhen = { Rows = 10 }\nboxes = [[0, 10, 1, 1]]", "DEID-TEMPLATE"),
        ("[text]\nkeep_tokens = 'absent.txt'", "DEID-CONFIG"),
        ("[text]\ntransformation = [{ method = 'hide' }]", "DEID-METHOD"),
    ],
)
def test_a_sites_own(text: str, code: str) -> None:
    """Unknown profiles, options, tags, methods, settings, tables; values of another kind; what excludes each other."""
    with raises_code(code):
        run = configured(text)
        run_of(run.profile, "a key of tests, long enough", run.plan)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (MICROSOFT.format("PatientNam", "redact", ""), "DEID-ADDRESS"),
        (MICROSOFT.format("PatientName", "hide", ""), "DEID-METHOD"),
        (MICROSOFT.format("PatientName", "refreshUID", ""), "DEID-METHOD"),
        (MICROSOFT.format("AS", "perturb", ', "params": {"spam": 3}'), "DEID-SETTING"),
        (MICROSOFT.format("AS", "perturb", ', "params": {"span": "wide"}'), "DEID-SETTING"),
        (MICROSOFT.format("AS", "perturb", ', "setting": "mine"'), "DEID-SETTING"),
        (MICROSOFT.format("DA", "dateShift", ', "params": {"dateShiftScope": "Hospital"}'), "DEID-SETTING"),
        (MICROSOFT.format("DA", "dateShift", ', "parms": {}'), "DEID-CONFIG"),
        ('{"rules": [{"method": "keep"}]}', "DEID-CONFIG"),
        ('{"rules": [{"tag": "PN", "VR": "PN", "method": "keep"}]}', "DEID-CONFIG"),
        ('{"rules": "all"}', "DEID-CONFIG"),
        ('{"rules": [], "settings": {}}', "DEID-CONFIG"),
        ('{"rules": [], "parameters": {"dateShiftKy": ""}}', "DEID-SETTING"),
        ('{"rules": [], "TagProfile": "BASIC_PROFILE"}', "DEID-PROFILE"),
        ('{"rules": [], "profiles": ["KEEP_ALL_PROFILE", "MINIMAL_KEEP_LIST_PROFILE"]}', "DEID-CONFIG"),
        ('{"rules": [}', "DEID-CONFIG"),
        ('{"other": 1}', "DEID-CONFIG"),
    ],
)
def test_microsofts(text: str, code: str) -> None:
    """Rules, settings and profiles that there are not."""
    with raises_code(code):
        configured(text, "c.json")


def test_the_keys_of_microsoft() -> None:
    """One that is too short, and two that differ: a run has one."""
    rules = '{"rules": [{"tag": "PatientID", "method": "cryptoHash"}, {"tag": "DA", "method": "dateShift"}], '
    short = configured(rules + '"parameters": {"cryptoHashKey": "123"}}', "c.json")
    with raises_code("DEID-KEY"):
        run_of(short.profile, short.key, short.plan)
    with raises_code("DEID-KEY"):
        configured(
            rules + '"parameters": {"cryptoHashKey": "one of sixteen..", "dateShiftKey": "another one....."}}', "c.json"
        )


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (GOOGLE.format('"dicom": {"filterProfile": "BASIC"}'), "DEID-PROFILE"),
        (GOOGLE.format('"dicom": {"keepList": {"tags": ["PatientId"]}}'), "DEID-ADDRESS"),
        (GOOGLE.format('"dicom": {"keepList": {"tag": ["PatientID"]}}'), "DEID-CONFIG"),
        (GOOGLE.format('"dicom": {"keepList": {}, "filterProfile": "KEEP_ALL_PROFILE"}'), "DEID-CONFIG"),
        (GOOGLE.format('"dicom": {"removeList": {"tags": ["PatientID", "PixelData"]}}'), "DEID-LIST"),
        (GOOGLE.format('"dicom": {"removeList": {"tags": ["00080018"]}}'), "DEID-LIST"),
        (GOOGLE.format('"dicom": {"removeList": {"tags": ["(0028,xxxx)"]}}'), "DEID-LIST"),
        (GOOGLE.format('"dicom": {"removeList": {"tags": ["UI"]}}'), "DEID-LIST"),
        (GOOGLE.format('"dicom": {"skipIds": true}'), "DEID-CONFIG"),
        (GOOGLE.format('"image": {"textRedactionMode": "REDACT_SOME_TEXT"}'), "DEID-SETTING"),
        (GOOGLE.format('"hl7": {}'), "DEID-CONFIG"),
        (GOOGLE.format('"dicom": {}, "dicomTagConfig": {}'), "DEID-CONFIG"),
        (GOOGLE.format('"dicomTagConfig": {"actions": [{"queries": ["PatientId"], "keepTag": {}}]}'), "DEID-ADDRESS"),
        (GOOGLE.format('"dicomTagConfig": {"actions": [{"queries": ["PatientID"]}]}'), "DEID-CONFIG"),
        (GOOGLE.format('"dicomTagConfig": {"actions": [{"queries": ["PN"], "hideTag": {}}]}'), "DEID-CONFIG"),
        (GOOGLE.format('"dicomTagConfig": {"options": {"primaryIds": "SOME"}}'), "DEID-SETTING"),
        (GOOGLE.format('"dicomTagConfig": {"profileType": "NONE"}'), "DEID-PROFILE"),
        (
            GOOGLE.format('"text": {"transformations": [{"infoTypes": ["NAME_OF_DOG"], "redactConfig": {}}]}'),
            "DEID-SETTING",
        ),
        (GOOGLE.format('"text": {"transformations": [{"infoTypes": ["DATE"]}]}'), "DEID-CONFIG"),
        (GOOGLE.format('"text": {"transformations": [{"hideConfig": {}}]}'), "DEID-CONFIG"),
        (GOOGLE.format('"text": {"transformations": [{"cryptoHashConfig": {"cryptoKey": "!"}}]}'), "DEID-KEY"),
        (GOOGLE.format('"text": {"transformations": [{"dateShiftConfig": {"kmsWrapped": {}}}]}'), "DEID-KEY"),
    ],
)
def test_googles(text: str, code: str) -> None:
    """Profiles, tags, modes, kinds of information; what every keep list has cannot be removed."""
    with raises_code(code):
        configured(text, "g.json")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (HEADER.format("REMOVE PatientNam"), "DEID-ADDRESS"),
        (HEADER.format("ERASE PatientName"), "DEID-METHOD"),
        (HEADER.format("REMOVE"), "DEID-METHOD"),
        (HEADER.format("REPLACE PatientID"), "DEID-SETTING"),
        (HEADER.format("REPLACE AccessionNumber var:suid"), "DEID-SETTING"),
        (HEADER.format("REPLACE StudyDate func:generate"), "DEID-SETTING"),
        (HEADER.format("REPLACE AccessionNumber deid_func:generate"), "DEID-SETTING"),
        (HEADER.format("REMOVE ALL func:is_name"), "DEID-SETTING"),
        (HEADER.format("JITTER StudyDate deid_func:jitter days=few"), "DEID-SETTING"),
        (HEADER.format("JITTER StudyDate soon"), "DEID-SETTING"),
        (HEADER.format("JITTER PatientName 3"), "DEID-METHOD"),
        (HEADER.format("REMOVE ends:Date"), "DEID-ADDRESS"),
        (HEADER.format("REMOVE contains:["), "DEID-ADDRESS"),
        (HEADER.format("REMOVE select:group:Patient"), "DEID-ADDRESS"),
        (HEADER.format("REMOVE fields:mine"), "DEID-ADDRESS"),
        (HEADER.format("REMOVE values:mine"), "DEID-ADDRESS"),
        (HEADER.format("ADD (0010,0010) X"), "DEID-ADDRESS"),
        ("FORMAT nifti\n%header\nREMOVE ALL", "DEID-CONFIG"),
        ("FORMAT dicom\n%heder\nREMOVE ALL", "DEID-CONFIG"),
        ("FORMAT dicom\n%values\nFIELD PatientID", "DEID-CONFIG"),
        ("%values a\nSPLIT PatientName minlengt=4\n%header\nREMOVE values:a", "DEID-SETTING"),
        ("%values a\nSPLIT PatientName minlength=few\n%header\nREMOVE values:a", "DEID-SETTING"),
        ("%values a\nFIELD PatientName\n%header\nREPLACE values:a x", "DEID-METHOD"),
        ("%filter g\nLABEL a\ncontains Modalty CT\ncoordinates 0,0,1,1", "DEID-TAG"),
    ],
)
def test_recipes_of_deid(text: str, code: str) -> None:
    """Actions, fields and values that there are not, and what only a caller in Python has."""
    with raises_code(code):
        configured(text, "deid.dicom")


def test_options_of_dcm4chee() -> None:
    """An option that it does not have."""
    with raises_code("DEID-OPTION"):
        configured("deidentify:RetainUIDsOption,RetainNothingOption", "c.txt")


def test_files_that_are_none(tmp_path: Path) -> None:
    """Absent, no text, XML, and nothing of a kind that is known."""
    with raises_code("DEID-CONFIG"):
        read_config(tmp_path / "absent.toml")
    (tmp_path / "c.toml").write_bytes(b"\xff\xfe\x00\x01")
    with raises_code("DEID-CONFIG"):
        read_config(tmp_path / "c.toml")
    for text in ("just words", "<script></script>", "['a'"):
        (tmp_path / "c.toml").write_text(text)
        with raises_code("DEID-CONFIG"):
            read_config(tmp_path / "c.toml")


EDITS = st.lists(
    st.tuples(st.floats(0, 1), st.integers(0, 6), st.sampled_from([*"{}[]()\"',:=%#.*+!\\\n\0", "null"])), max_size=6
)


@given(st.sampled_from([SHIPPED, RECIPE, SCRIPT, OWN]), EDITS)
@settings(max_examples=150, deadline=None)
def test_what_is_damaged_is_refused_or_read(text: str, edits: list[tuple[float, int, str]]) -> None:
    """Nothing else is raised, whatever is taken out and put in."""
    for place, length, other in edits:
        at = int(place * len(text))
        text = text[:at] + other + text[at + length :]
    told = "DEID-"
    try:
        told += configured(text).profile.base
    except UsageError as error:
        told = error.code
    assert told.startswith("DEID-")


@pytest.mark.parametrize(
    "text", ["{" * 9000, "a = " + "[" * 9000, "{ " + "(" * 9000 + 'Modality.equals("CT")' + ")" * 9000 + " } (0,0,1,1)"]
)
def test_what_nests_without_end_is_refused(text: str) -> None:
    """In every grammar."""
    with raises_code("DEID-CONFIG"):
        configured(text)
