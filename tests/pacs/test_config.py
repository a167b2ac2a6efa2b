"""Addresses and derive.toml: what is none is refused, and no secret is ever in them."""

from __future__ import annotations

from pathlib import Path

import pytest

from derive.errors import UsageError
from derive.pacs.address import DimseAddress, FolderAddress, Timeouts, WebAddress, parse_address, split_series
from derive.pacs.archive import archive_at
from derive.pacs.config import Config, Destination, load
from derive.pacs.dimse.archive import DimseArchive
from derive.pacs.folder import FolderArchive
from derive.pacs.web.archive import WebArchive
from derive.settings import load_settings

CONFIG = """
aet = "OURS"
uid_prefix = "1.2.3"

[equipment]
InstitutionName = "General Hospital"

[targets.PACS]
address = "PACS@10.0.0.5:104"
listen = 11113
parallel = 2
certificate = "us.pem"
key = "us.key"

[targets.PACS.timeouts]
association = 5

[targets.cloud]
address = "https://pacs.example.org/dicom-web/"
token_env = "PACS_TOKEN"
ca = "ca.pem"

[targets.shelf]
address = "/data/outbox"
"""


@pytest.mark.parametrize(
    ("text", "aet", "host", "port"),
    [
        ("PACS@127.0.0.1:4242", "PACS", "127.0.0.1", 4242),
        ("MY PACS@pacs.example.org:104", "MY PACS", "pacs.example.org", 104),
        ("A@[::1]:11112", "A", "::1", 11112),
    ],
)
def test_an_application_entity(text, aet, host, port):
    address = parse_address(text)
    assert isinstance(address, DimseAddress)
    assert (address.aet, address.host, address.port) == (aet, host, port)


def test_a_service_and_a_folder(tmp_path):
    assert parse_address("https://host:8443/dicom-web/") == WebAddress("https://host:8443/dicom-web")
    assert parse_address(str(tmp_path)) == FolderAddress(tmp_path)


@pytest.mark.parametrize(
    "text",
    ["PACS@host:0", "PACS@host:70000", "TOOLONGANAETITLE1@host:104", "PACS@:104", "   @host:104", "PÄCS@host:104"],
)
def test_what_is_no_address_is_refused(text):
    with pytest.raises(UsageError, match="NET-ADDRESS"):
        parse_address(text)


def test_a_password_in_a_url_is_refused_without_repeating_it():
    with pytest.raises(UsageError, match="NET-SECRET") as refused:
        parse_address("https://alice:hunter2@host/dicom-web")
    assert "hunter2" not in str(refused.value)


def test_a_series_in_an_archive_is_told_from_a_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert split_series("PACS@127.0.0.1:4242/1.2.3") == ("PACS@127.0.0.1:4242", "1.2.3")
    assert split_series("https://host/dicom-web/1.2.840.1") == ("https://host/dicom-web", "1.2.840.1")
    assert split_series("ct/slices") is None
    (tmp_path / "ct").mkdir()
    (tmp_path / "ct" / "1.2.3").mkdir()
    assert split_series("ct/1.2.3") is None


@pytest.fixture
def config(tmp_path) -> Config:
    (tmp_path / "derive.toml").write_text(CONFIG)
    return load(tmp_path)


def test_everything_of_a_file_is_taken(config, tmp_path):
    assert config.aet == "OURS"
    settings = load_settings(tmp_path)
    assert (settings.uid_prefix, settings.equipment) == ("1.2.3", {"InstitutionName": "General Hospital"})
    pacs, cloud, shelf = (config.destination(name) for name in ("PACS", "cloud", "shelf"))
    assert isinstance(pacs.address, DimseAddress)
    assert (str(pacs.address), pacs.address.calling_aet, pacs.listen, pacs.parallel) == (
        "PACS@10.0.0.5:104",
        "OURS",
        11113,
        2,
    )
    assert pacs.address.timeouts.association == 5
    assert pacs.address.tls is not None
    assert pacs.address.tls.certificate == tmp_path / "us.pem"
    assert isinstance(cloud.address, WebAddress)
    assert (cloud.address.url, cloud.address.credentials.token_env) == (
        "https://pacs.example.org/dicom-web",
        "PACS_TOKEN",
    )
    assert shelf.address == FolderAddress(Path("/data/outbox"))


def test_an_address_beside_the_names_calls_with_our_title(config):
    found = config.destination("OTHER@host:104")
    assert isinstance(found.address, DimseAddress)
    assert found.address.calling_aet == "OURS"


def test_the_folder_is_asked_before_the_user(tmp_path, monkeypatch):
    home, here = tmp_path / "home", tmp_path / "here"
    (home / "derive").mkdir(parents=True)
    here.mkdir()
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home))
    assert load(here) == Config()
    (home / "derive" / "derive.toml").write_text('aet = "USER"')
    assert load(here).aet == "USER"
    (here / "derive.toml").write_text('aet = "FOLDER"')
    assert load(here).aet == "FOLDER"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("aet = ", "CFG-SYNTAX"),
        ('colour = "red"', "CFG-KEY"),
        ("[targets.A]\nlisten = 1", "CFG-KEY"),
        ('[targets.A]\naddress = "A@h:1"\nprot = 3', "CFG-KEY"),
        ('[targets.A]\naddress = "A@h:1"\nlisten = 0', "CFG-KEY"),
        ('[targets.A]\naddress = "A@h:1"\nlisten = true', "CFG-KEY"),
        ('[targets.A]\naddress = "A@h:1"\n[targets.A.timeouts]\nmessage = -1', "CFG-KEY"),
        ('[targets.A]\naddress = "A@h:1"\n[targets.A.timeouts]\nlunch = 1', "CFG-KEY"),
        ("[equipment]\nInstitutionName = 3", "CFG-KEY"),
        ('[targets.A]\naddress = "https://h/d"\ntoken = "abc"', "CFG-SECRET"),
        ('[targets.A]\naddress = "https://h/d"\npassword = "abc"', "CFG-SECRET"),
        ('[targets.A]\naddress = "nobody@nowhere:x"', "NET-ADDRESS"),
    ],
)
def test_a_file_that_says_something_else_is_refused(text, code, tmp_path):
    (tmp_path / "derive.toml").write_text(text)
    with pytest.raises(UsageError, match=code) as refused:
        load(tmp_path)
    assert "abc" not in str(refused.value)


def test_an_address_says_which_archive_it_is_and_an_archive_stays_itself(tmp_path):
    made = [archive_at(text) for text in ("PACS@host:104", "https://host/dicom-web", str(tmp_path))]
    assert [type(a) for a in made] == [DimseArchive, WebArchive, FolderArchive]
    assert [a.query for a in made] == ["C-FIND", "QIDO-RS", "folder"]
    assert [archive_at(a) for a in made] == made
    assert [archive_at(a.destination.address).destination for a in made] == [a.destination for a in made]
    told = archive_at(Destination(parse_address("PACS@host:104"), 11113, 2), listen=11114)
    assert told.destination == Destination(parse_address("PACS@host:104"), 11114, 2)


def test_what_is_said_of_an_address_stays_where_there_is_a_use_for_it(tmp_path):
    entity, service, folder = map(parse_address, ("PACS@host:104", "https://host/dicom-web", str(tmp_path)))
    assert (entity.calling("US").calling_aet, service.calling("US"), folder.calling("US")) == ("US", service, folder)
    assert (service.with_token("T").credentials.token_env, folder.with_token("T")) == ("T", folder)
    with pytest.raises(UsageError, match="certificates") as refused:
        entity.with_token("T")
    assert refused.value.code == "NET-SECRET"
    for address in (entity, service):
        assert address.with_timeout(7.0).timeouts == Timeouts(message=7.0, network=7.0)
    assert folder.with_timeout(7.0) == folder
    assert [a.remote for a in (entity, service, folder)] == [True, True, False]
