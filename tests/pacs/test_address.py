"""Addresses that lack something say what: an AE title, a port, a scheme, the right name."""

from __future__ import annotations

from pathlib import Path

import pytest

from derive.cli.main import main
from derive.errors import UsageError
from derive.pacs.address import DimseAddress, FolderAddress, WebAddress, parse_address, parse_entity
from derive.pacs.config import load
from tests.helpers.asserting import raises_code

MISTAKES = {
    "127.0.0.1:104": "no AE title; wanted AET@127.0.0.1:104",
    "pacs.example.org:11112": "no AE title; wanted AET@pacs.example.org:11112",
    "[::1]:104": r"no AE title; wanted AET@\[::1\]:104",
    "localhost:8042/dicom-web": "no scheme; wanted http://localhost:8042/dicom-web",
    "@127.0.0.1:104": "an AE title has 1 to 16 characters",
    "   @127.0.0.1:104": "an AE title has 1 to 16 characters",
    "A_TITLE_TOO_LONG_OF_AN_ARCHIVE@127.0.0.1:104": "1 to 16 characters .* and has 30",
    "PÄCS@127.0.0.1:104": "characters of ASCII",
    "P\\CS@127.0.0.1:104": "no backslash",
    "PACS@127.0.0.1": "the port is missing, as in PACS@127.0.0.1:104",
    "PACS@": "the port is missing",
    "PACS@[::1]": "the port is missing",
    "PACS@::1:104": "in brackets",
    "PACS@127.0.0.1:0": "from 1 to 65535",
    "PACS@127.0.0.1:65536": "from 1 to 65535",
    "PACS@127.0.0.1:123456": "from 1 to 65535",
    "PACS@127.0.0.1:http": "from 1 to 65535",
    "PACS@127.0.0.1:": "from 1 to 65535",
    "PACS@:104": "the host is missing",
    "PACS@a host:104": "no spaces",
    "PACS@127.0.0.1:104/1.2.3": "an archive alone",
    "127.0.0.1:104@PACS": "is it PACS@127.0.0.1:104",
    "ftp://host/dicom": "no scheme that is known",
    "htps://host/dicom-web": "no scheme that is known",
    "http:/host/dicom-web": "no scheme that is known",
    "http//host/dicom-web": "no scheme that is known",
    "https:host/dicom-web": "no scheme that is known",
    "http://": "names no host",
    "http://host:99999/dicom-web": "[Pp]ort",
    "http://host:x/dicom-web": "[Pp]ort",
    "": "empty",
}


@pytest.mark.parametrize("text", list(MISTAKES), ids=[t or "empty" for t in MISTAKES])
def test_a_mistake_in_an_address_is_named(text):
    with raises_code("NET-ADDRESS", UsageError) as refused:
        parse_address(text)
    assert refused.match(MISTAKES[text])


@pytest.mark.parametrize("command", ["echo", "find"])
def test_the_command_line_says_so(command, capsys):
    assert main([command, "127.0.0.1:104"]) == 2
    assert "AET@127.0.0.1:104" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("PACS@127.0.0.1:104", DimseAddress("PACS", "127.0.0.1", 104)),
        (" PACS@host:104 ", DimseAddress("PACS", "host", 104)),
        ("A B-C.D@[::1]:104", DimseAddress("A B-C.D", "::1", 104)),
        ("SIXTEEN_LETTERS_@h:65535", DimseAddress("SIXTEEN_LETTERS_", "h", 65535)),
        ("HTTPS://host:8443/dicom-web/", WebAddress("HTTPS://host:8443/dicom-web")),
        ("http://[::1]:8042/dicom-web", WebAddress("http://[::1]:8042/dicom-web")),
        ("new/folder", FolderAddress(Path("new/folder"))),
        ("folder", FolderAddress(Path("folder"))),
    ],
)
def test_what_is_right_is_read(text, address):
    assert parse_address(text) == address


def test_a_folder_that_is_there_is_one_whatever_its_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a@b", "2026:11", "x:1"):
        Path(name).mkdir()
        assert parse_address(name) == FolderAddress(Path(name))


def test_an_entity_is_no_folder():
    with raises_code("NET-ADDRESS", UsageError):
        parse_entity("folder")


@pytest.fixture
def named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "derive.toml").write_text(
        '[targets.hospital]\naddress = "PACS@10.0.0.5:104"\n[targets.Cloud]\naddress = "https://host/dicom-web"\n'
    )
    return load()


@pytest.mark.parametrize(("text", "meant"), [("hospitl", "hospital"), ("HOSPITAL", "hospital"), ("cloud", "Cloud")])
def test_a_misspelt_name_is_asked_about_and_becomes_no_folder(named, text, meant, tmp_path, capsys):
    for new_folder in (True, False):
        with raises_code("NET-ADDRESS", UsageError) as refused:
            named.destination(text, new_folder=new_folder)
        assert refused.match(f"did you mean {meant}")
    assert named.destination(f"./{text}").address == FolderAddress(Path(text))
    assert main(["echo", text]) == 2
    assert f"did you mean {meant}" in capsys.readouterr().err


def test_a_word_that_is_like_nothing_may_be_a_new_folder_and_no_archive_that_is_asked(named, tmp_path, capsys):
    assert named.destination("shelf").address == FolderAddress(Path("shelf"))
    assert main(["echo", "shelf"]) == 2
    assert "(hospital, Cloud)" in capsys.readouterr().err
    (tmp_path / "hospitl").mkdir()
    assert named.destination("hospitl").address == FolderAddress(Path("hospitl"))
