"""One limit of nesting for whoever reads: parser, pydicom, judges, diff, explain; no RecursionError anywhere."""

from __future__ import annotations

import pickle
import struct

import pytest

import derive
from derive.errors import DeriveError
from derive.limits import MOST_LEVELS
from tests.helpers.asserting import raises_code
from tests.helpers.encodings import encoded, part10
from tests.helpers.sources import make_series

EXPLICIT, IMPLICIT = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2"
STANDARD, PRIVATE = (0x0040, 0xA730), (0x0041, 0x1001)


def nested(levels, tag, explicit, undefined):
    """A sequence in a sequence in a sequence."""
    value = b""
    for _ in range(levels):
        length = 0xFFFFFFFF if undefined else len(value)
        content = b"\xfe\xff\x00\xe0" + struct.pack("<L", length) + value
        content += b"\xfe\xff\x0d\xe0" + bytes(4) if undefined else b""
        length = 0xFFFFFFFF if undefined else len(content)
        head = struct.pack("<HH", *tag) + (b"SQ\0\0" if explicit else b"") + struct.pack("<L", length)
        value = head + content + (b"\xfe\xff\xdd\xe0" + bytes(4) if undefined else b"")
    return value


def folder_with(tmp_path, levels, tag, explicit, undefined):
    folder = tmp_path / "series"
    folder.mkdir(exist_ok=True)
    for index, dataset in enumerate(make_series("CT", 3)):
        body = encoded(dataset, lambda path: not explicit)
        head = struct.pack("<HH", 0x6000, 0x0010)
        at = body.index(head)
        body = body[:at] + nested(levels, tag, explicit, undefined) + body[at:]
        (folder / f"{index}.dcm").write_bytes(part10(EXPLICIT if explicit else IMPLICIT, body))
    return folder


COMMANDS = {
    "read": lambda f: derive.read(f).volume,
    "inspect": lambda f: derive.inspect(f).to_json(),
    "check": lambda f: derive.check(f).to_json(),
    "explain": lambda f: str(derive.explain(f)),
    "diff": lambda f: str(derive.diff(f, f)),
    "pickle": lambda f: pickle.dumps(derive.read(f).table.constant),
}


@pytest.mark.parametrize("undefined", [True, False], ids=["undefined", "defined"])
@pytest.mark.parametrize("explicit", [True, False], ids=["explicit", "implicit"])
@pytest.mark.parametrize("levels", [MOST_LEVELS + 1, 400, 2000])
def test_what_nests_too_deep_is_refused_by_name(tmp_path, levels, explicit, undefined):
    folder = folder_with(tmp_path, levels, STANDARD, explicit, undefined)
    with raises_code("SRC-NESTING"):
        derive.read(folder)
    assert {u.code for u in derive.inspect(folder).unreadable} == {"SRC-NESTING"}
    assert {f.code for f in derive.check(folder).errors} >= {"CHK-READ"}
    for name in ("explain", "diff"):
        with pytest.raises(DeriveError) as caught:
            COMMANDS[name](folder)
        assert caught.value.code in ("SRC-NESTING", "SRC-NONE")


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("explicit", [True, False], ids=["explicit", "implicit"])
def test_what_nests_as_deep_as_it_may_is_read_by_every_command(tmp_path, command, explicit):
    folder = folder_with(tmp_path, MOST_LEVELS, STANDARD, explicit, True)
    assert COMMANDS[command](folder)


@pytest.mark.parametrize("levels", [MOST_LEVELS, 2000])
@pytest.mark.parametrize("undefined", [True, False])
def test_private_sequences_are_skipped_or_refused(tmp_path, levels, undefined):
    folder = folder_with(tmp_path, levels, PRIVATE, True, undefined)
    codes = set()
    for command in ("read", "inspect", "check"):
        try:
            assert COMMANDS[command](folder)
        except DeriveError as error:
            codes.add(error.code)
    assert codes == ({"SRC-NESTING"} if levels == 2000 and undefined else set())
