"""CSA headers of Siemens: what is known stays as it was, and nothing else of the source is in the result."""

from __future__ import annotations

import struct

import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nibabel.nicom import csareader

from derive.deidentification.engine.here import Here
from derive.deidentification.methods import METHODS
from derive.deidentification.private.csa import cleaned_csa, item_rows
from derive.deidentification.private.protocol import cleaned_protocol, is_protocol
from derive.deidentification.profile.profile import profile_of
from derive.deidentification.run.run import run_of
from derive.elements.csa import Csa, CsaTag, NoCsa, is_csa, pack_csa, read_csa
from derive.elements.element import Element
from derive.elements.instance import Instance
from derive.rewriting.stored import AttributePath
from tests.helpers.asserting import each

CANARY = b"DOE^JANE"
PROTOCOL = (
    '<XProtocol>\n{ <ParamString."PatientName"> { "DOE^JANE" } }\n### ASCCONV BEGIN ###\n'
    "lAverages\t = \t1\n"
    "sSliceArray.lSize\t = \t0x2 # '2'\n"
    "sWipMemBlock.adFree[3]\t = \t-1.5e-3\n"
    'tSequenceFileName\t = \t""%SiemensSeq%\\ep2d_bold""\n'
    'tProtocolName\t = \t""DOE^JANE""\n'
    'tReferenceImage0\t = \t"1.3.12.2.1107.5.2.43.67093.2023"\n'
    'sWipMemBlock.tFree\t = \t"DOE^JANE"\n'
    'sProtConsistencyInfo.tBaselineString\t = \t""DOE^JANE""\n'
    "lPatientNumber\t = \t778812\n"
    "sSpecPara.lFinalMatrixSizePhase\t = \t20240115\n"
    "sSpecPara.lFinalMatrixSizeRead\t = \t778812\n"
    "sWipMemBlock.alFree[0]\t = \t20240115\n"
    "sWipMemBlock.alFree[1]\t = \t0x134D6F3\n"
    "sCoilSelectMeas.aTxCoilSelectData[0].asList[0].sCoilElementID.ulUniqueKey\t = \t778812\n"
    "sCoilSelectMeas.CoilPlugs.Plug[0].IdPart[0]\t = \t778812\n"
    "DOE^JANE\n"
    "### ASCCONV END ###\nDOE^JANE <XProtocol> { 778812 }"
)


def tag(name, *items, vr="IS", vm=1, count=6):
    filled = tuple(items) + (b"",) * (count - len(items))
    return CsaTag(name, vr, vm, 6, filled)


def with_garbage(value, version):
    """Fill all that is no value with what was in memory before: behind names, VRs and in the padding."""
    raw = bytearray(value)
    at, first = (16, None) if version == 2 else (8, None)
    for _ in range(struct.unpack_from("<I", raw, at - 8)[0]):
        name = bytes(raw[at : at + 64]).partition(b"\0")[0]
        raw[at + len(name) + 1 : at + 64] = (CANARY * 9)[: 63 - len(name)]
        items = struct.unpack_from("<i", raw, at + 76)[0]
        first = items if first is None else first
        at += 84
        for _ in range(items):
            said = struct.unpack_from("<4i", raw, at)
            length = said[1] if version == 2 else said[0] - first
            end = at + 16 + length
            at = end + -length % 4
            raw[end:at] = b"DOE"[: at - end]
    return bytes(raw) + CANARY


@pytest.mark.parametrize("version", [1, 2])
def test_only_what_is_known_stays(version):
    header = Csa(
        version,
        (
            tag("SecretItem", b"1000\0"),
            tag("B_value", b"1000    \0" + CANARY, b"DOE^JANE"),
            tag("RealDwellTime", b"DOE^JANE\0"),
            tag("TimeAfterStart", b"20240115.0\0", vr="DS"),
            tag("PositivePCSDirections", b"+LPH\0DOE", vr="SH"),
            tag("CoilString", b"DOE^JANE\0", vr="LO"),
            tag("MosaicRefAcqTimes", b"1.5\0", b"2.5\0", vr="FD", vm=0),
            tag("ReferencedImageSequence", b"1.3.12.2.1107\0", vr="UI"),
            tag("UsedPatientWeight", b"66\0"),
            tag("MrPhoenixProtocol", PROTOCOL.encode() + b"\0" + CANARY, vr="UN"),
        ),
    )
    source = with_garbage(pack_csa(header), version)
    assert CANARY in source
    cleaned = cleaned_csa(source)
    assert b"DOE" not in cleaned
    assert b"JANE" not in cleaned
    found = {t.name: t.texts for t in read_csa(cleaned).tags}
    assert list(found) == ["B_value", "PositivePCSDirections", "MosaicRefAcqTimes", "MrPhoenixProtocol"]
    assert found["B_value"] == ("1000    ",)
    assert found["PositivePCSDirections"] == ("+LPH",)
    assert found["MosaicRefAcqTimes"] == ("1.5", "2.5")
    assert read_csa(cleaned).version == version
    assert cleaned_csa(cleaned) == cleaned


def test_the_weight_stays_with_the_option_and_more_with_a_person_who_vouches():
    source = pack_csa(Csa(2, (tag("UsedPatientWeight", b"66\0"), tag("SecretItem", b"7\0" + CANARY))))
    names = [t.name for t in read_csa(cleaned_csa(source, ("patient-characteristics",))).tags]
    assert names == ["UsedPatientWeight"]
    kept = cleaned_csa(source, (), ("SecretItem",))
    assert [t.texts for t in read_csa(kept).tags] == [("7",)]
    assert CANARY not in kept
    assert cleaned_csa(source) is None


def test_a_protocol_keeps_its_numbers_and_known_texts():
    cleaned = cleaned_protocol(PROTOCOL)
    assert cleaned.splitlines()[3:] == [
        "### ASCCONV BEGIN ###",
        "lAverages\t = \t1",
        "sSliceArray.lSize\t = \t0x2",
        "sWipMemBlock.adFree[3]\t = \t-1.5e-3",
        'tSequenceFileName\t = \t""%SiemensSeq%\\ep2d_bold""',
        "### ASCCONV END ###",
    ]
    assert "DOE" not in cleaned
    assert cleaned_protocol(cleaned) == cleaned


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("no protocol, DOE^JANE", ""),
        (
            "### ASCCONV BEGIN DOE^JANE ###\nlAverages = 1",
            "### ASCCONV BEGIN ###\nlAverages\t = \t1\n### ASCCONV END ###",
        ),
        ("### ASCCONV BEGIN ###", "### ASCCONV BEGIN ###\n### ASCCONV END ###"),
    ],
)
def test_protocols_that_are_cut_or_none(text, expected):
    assert cleaned_protocol(text) == expected
    assert is_protocol(text) is bool(expected)


def test_two_protocols_in_one_text_are_both_cleaned():
    assert cleaned_protocol(PROTOCOL + PROTOCOL).count("lAverages") == 2


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"SV10\4\3\2\1",
        b"SV10\4\3\2\1" + struct.pack("<2I", 5000, 77) + bytes(500),
        b"SV10\4\3\2\1" + struct.pack("<2I", 3, 78) + bytes(500),
        b"SV10\4\3\2\1" + struct.pack("<2I", 3, 77) + bytes(100),
        pack_csa(Csa(2, (tag("B_value", b"1000\0"),)))[:-20],
    ],
)
def test_what_is_no_header_is_told(value):
    with pytest.raises(NoCsa):
        read_csa(value)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_bytes_that_were_changed_anywhere_never_come_through(data):
    source = bytearray(
        pack_csa(Csa(2, (tag("B_value", b"1000\0"), tag("MrPhoenixProtocol", PROTOCOL.encode(), vr="UN"))))
    )
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(source) - len(CANARY)))
        source[at : at + len(CANARY)] = CANARY
    try:
        cleaned = cleaned_csa(bytes(source))
    except NoCsa:
        return
    assert cleaned is None or CANARY not in cleaned


def cleaned(value, vr="OB", **rule):
    profile = profile_of("basic", ["safe-private"])
    path = AttributePath(0x00291010, vr, "SIEMENS CSA HEADER")
    here = Here(path, Instance("nothing", {}), ("ascii",), None, run_of(profile, b"k" * 32), rule)
    return METHODS["cleanCsa"].change(Element(path.tag, vr, value), here)


@pytest.mark.parametrize("vr", ["OB", "UN", "LO"])
def test_the_method_takes_headers_and_protocols_and_nothing_else(vr):
    header = pack_csa(Csa(2, (tag("B_value", b"1000\0" + CANARY),)))
    assert read_csa(cleaned(header, vr).value).tags[0].texts == ("1000",)
    assert cleaned(PROTOCOL.encode(), vr).value.startswith(b"<XProtocol>")
    assert cleaned(CANARY, vr) is None
    assert cleaned(b"", vr) is None
    assert cleaned(header[:40], vr) is None
    assert read_csa(cleaned(pack_csa(Csa(2, (tag("Mine", b"7\0"),))), vr, keep=["Mine"]).value).tags[0].name == "Mine"


def test_every_known_item_has_a_reason_for_what_it_holds():
    for row in each(item_rows().values(), 120):
        assert row.holds
    assert not is_csa(b"DICM")


def test_nibabel_reads_what_was_cleaned():
    normal = tag("SliceNormalVector", *[b"0.5\0"] * 3, vr="FD", vm=3)
    header = Csa(2, (tag("Mine", b"7\0"), tag("B_value", b"1000\0" + CANARY), normal))
    found = csareader.read(cleaned_csa(with_garbage(pack_csa(header), 2)))
    assert {name: t["items"] for name, t in found["tags"].items()} == {
        "B_value": [1000],
        "SliceNormalVector": [0.5, 0.5, 0.5],
    }


def test_lengths_of_format_1_that_were_never_set_end_their_item():
    packed = bytearray(pack_csa(Csa(1, (tag("B_value", b"1000\0", count=2), tag("RealDwellTime", b"2300\0", count=2)))))
    second = 8 + 84 + 16 + 8  # the second item of the first tag, which counts no more
    struct.pack_into("<i", packed, second, 0x7FFFFFFF)
    found = {t.name: t.texts for t in read_csa(cleaned_csa(bytes(packed))).tags}
    assert found == {"B_value": ("1000",), "RealDwellTime": ("2300",)}


@pytest.mark.parametrize("name", ["mr_siemens_mosaic", "mr_siemens_multiecho", "siemens_12bit_signed_unsigned"])
def test_nibabel_reads_the_same_of_real_headers(name, real):
    files = each(p for p in sorted(real(name).rglob("*")) if p.is_file() and pydicom.misc.is_dicom(p))
    for element in (0x10, 0x20):
        value = (
            pydicom.dcmread(files[0], stop_before_pixels=True)
            .private_block(0x0029, "SIEMENS CSA HEADER")[element]
            .value
        )
        before, after = csareader.read(value)["tags"], csareader.read(cleaned_csa(value))["tags"]
        assert len(after) >= 30
        for name, tag_after in after.items():
            if name not in ("MrPhoenixProtocol", "MrProtocol"):
                assert tag_after["items"] == before[name]["items"]
        assert not {"PatReinPattern", "UsedPatientWeight", "MrEvaProtocol", "MRDiffusion"} & after.keys()
