"""Files with private attributes, as they are written: by creator, at every depth, whatever the block and the syntax."""

from __future__ import annotations

import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

import derive
from derive.deidentification.private.entries import dictionary_entries, kept_entries
from derive.deidentification.profile.profile import profile_of
from derive.deidentification.profile.rule import Address, Rule
from derive.elements.csa import Csa, CsaTag, pack_csa, read_csa
from tests.helpers.asserting import each, every
from tests.helpers.sources import make_series
from tests.helpers.went_through import (
    KEY,
    bytes_of,
    engine,
    every_item,
    file_through,
    gone_through,
    privates,
    through,
    written,
)

PHILIPS, SIEMENS_PT, MEDCOM = "Philips PET Private Group", "SIEMENS MED PT", "SIEMENS MEDCOM HEADER2"
DATES = ("safe-private", "modified-dates")
SYNTAXES = (ExplicitVRLittleEndian, ImplicitVRLittleEndian)


def pet(blocks=(0x10, 0x11)):
    """A PET image with safe and other private attributes, in these blocks."""
    dataset = make_series("PT", 1)[0]
    safe, other = blocks
    add(dataset, 0x7053, PHILIPS, safe, {0x00: ("DS", "0.000551"), 0x09: ("DS", "1.602563"), 0x03: ("ST", "DOE^JANE")})
    add(dataset, 0x0071, SIEMENS_PT, safe, {0x21: ("UI", "1.2.3.4"), 0x22: ("DT", "20240115103000.000000")})
    add(dataset, 0x0029, MEDCOM, other, {0x60: ("LO", "DOE^JANE")})
    return dataset


def add(dataset, group, creator, block, elements):
    dataset.add_new(group << 16 | block, "LO", creator)
    for element, (vr, value) in elements.items():
        dataset.add_new(group << 16 | block << 8 | element, vr, value)


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("blocks", [(0x10, 0x11), (0x27, 0x10), (0xFF, 0xFE)])
def test_a_block_that_was_moved_gives_the_same_result(blocks, syntax):
    usual, moved = through(pet(), *DATES), through(pet(blocks), *DATES, syntax=syntax)
    assert privates(moved) == privates(usual)
    assert {*privates(moved)} == {(0x7053, PHILIPS, 0), (0x7053, PHILIPS, 9), (0x0071, SIEMENS_PT, 0x22)}
    assert moved[0x70530000 | blocks[0]].value == PHILIPS
    assert 0x00290000 | blocks[1] not in moved
    assert b"DOE" not in bytes_of(gone_through(pet(blocks), *DATES, syntax=syntax))


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_without_the_option_nothing_private_is_left(syntax):
    result = through(pet(), syntax=syntax)
    assert not any(e.tag.is_private for e in result)
    assert "PrivateDataElementCharacteristicsSequence" not in result


def test_dates_of_private_attributes_move_with_all_others():
    source, result = pet(), through(pet(), *DATES)
    moved = pydicom.valuerep.DA(result.SeriesDate) - pydicom.valuerep.DA(source.SeriesDate)
    before, after = (privates(d)[0x0071, SIEMENS_PT, 0x22] for d in (source, result))
    assert moved.days != 0
    assert (pydicom.valuerep.DT(after) - pydicom.valuerep.DT(before)).days == moved.days
    assert str(after).endswith("103000.000000")


def test_a_date_of_a_file_that_tells_no_vr_moves_too():
    after = privates(through(pet(), *DATES, syntax=ImplicitVRLittleEndian))[0x0071, SIEMENS_PT, 0x22]
    assert after == privates(through(pet(), *DATES))[0x0071, SIEMENS_PT, 0x22]


def test_what_was_kept_is_said_in_the_result():
    result = through(pet((0x27, 0x10)), *DATES)
    said = {
        (i.PrivateGroupReference, i.PrivateCreatorReference): i.NonidentifyingPrivateElements
        for i in result.PrivateDataElementCharacteristicsSequence
    }
    assert said == {(0x7053, PHILIPS): [0x00, 0x09], (0x0071, SIEMENS_PT): 0x22}
    assert through(result, *DATES).PrivateDataElementCharacteristicsSequence == (
        result.PrivateDataElementCharacteristicsSequence
    )


def claiming(status="MIXED", elements=(0x01, 0x02), creator="MY STATION"):
    dataset = pet()
    inner = Dataset()
    inner.PatientName, inner.AccessionNumber = "DOE^JANE", "778812"
    add(inner, 0x0021, creator, 0x33, {0x02: ("LO", "safe"), 0x04: ("LO", "778812")})
    add(
        dataset,
        0x0021,
        creator,
        0x10,
        {0x01: ("SQ", Sequence([inner])), 0x02: ("LO", "safe"), 0x03: ("PN", "DOE^JANE"), 0x04: ("LO", "778812")},
    )
    item = Dataset()
    item.PrivateGroupReference, item.PrivateCreatorReference = 0x0021, creator
    item.BlockIdentifyingInformationStatus = status
    if status == "MIXED":
        item.NonidentifyingPrivateElements = [*elements]
    dataset.PrivateDataElementCharacteristicsSequence = Sequence([item])
    return dataset


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_what_an_instance_calls_safe_stays_in_private_sequences_too(syntax):
    done = gone_through(claiming(), *DATES, syntax=syntax)
    data = bytes_of(done)
    assert b"DOE" not in data
    assert b"778812" not in data
    result = through(claiming(), *DATES)
    found = privates(result)
    assert {k for k in found if k[0] == 0x21} == {(0x21, "MY STATION", 1), (0x21, "MY STATION", 2)}
    (inner,) = found[0x21, "MY STATION", 1]
    assert {*privates(inner)} == {(0x21, "MY STATION", 2)}
    assert inner[0x00210033].value == "MY STATION"


def test_names_and_the_patients_own_identifiers_go_from_what_is_called_safe():
    dataset = claiming("SAFE")
    dataset.PatientName, dataset.PatientID = "DOE^JANE", "778812"
    data = bytes_of(gone_through(dataset, *DATES))
    assert b"DOE" not in data
    assert b"778812" not in data


def test_a_sequence_that_is_told_as_unknown_is_gone_through():
    dataset = claiming()
    items = written(item_holder(dataset[0x00211001].value))
    raw = items[items.rindex(b"\x21\x00\x01\x10SQ\0\0") + 12 :]
    dataset[0x00211001] = pydicom.DataElement(0x00211001, "UN", raw)
    data = bytes_of(gone_through(dataset, *DATES))
    assert b"DOE" not in data
    assert b"778812" not in data
    assert b"safe" in data


def item_holder(items):
    """A data set that ends with a private sequence in Implicit VR, as one of VR UN is encoded (PS3.5 6.2.2)."""
    holder = make_series("CT", 1)[0]
    for tag in [e.tag for e in holder if e.tag > 0x00210000]:
        del holder[tag]
    add(holder, 0x0021, "MY STATION", 0x10, {0x01: ("SQ", items)})
    return holder


def test_creators_that_stand_twice_are_both_meant_and_told():
    dataset = pet()
    add(dataset, 0x7053, PHILIPS, 0x20, {0x00: ("DS", "7"), 0x03: ("ST", "DOE^JANE")})
    done = gone_through(dataset, *DATES)
    assert [caution.code for caution in done.cautions] == ["SRC-CREATOR-TWICE"]
    result = through(dataset, *DATES)
    assert (result[0x70531000].value, result[0x70532000].value) == (pytest.approx(0.000551), 7)
    assert 0x70532003 not in result
    assert gone_through(pet(), *DATES).cautions == ()
    assert gone_through(dataset).cautions == ()


def test_a_site_tells_of_its_own_private_attributes():
    dataset = pet()
    add(dataset, 0x0021, "OUR STATION", 0x10, {1: ("UN", b"20240115"), 2: ("LO", "kept"), 3: ("LO", "gone")})
    entries = dictionary_entries({'(0021,"OUR STATION",01)': {"vr": "DA", "keep": True}}) + kept_entries(
        [{"group": 0x0021, "creator": "OUR STATION", "elements": [2]}]
    )
    result = privates(through(dataset, *DATES, private=entries))
    assert {k for k in result if k[0] == 0x21} == {(0x21, "OUR STATION", 1), (0x21, "OUR STATION", 2)}
    assert result[0x21, "OUR STATION", 1] != "20240115"


def test_the_report_repeats_no_creator_that_nobody_knows():
    dataset = pet()
    add(dataset, 0x0021, "DOE^JANE", 0x10, {1: ("LO", "x")})
    paths = [decided.path for decided in gone_through(dataset, *DATES).decisions]
    assert '(0021,"(another creator)",01)' in paths
    assert f'(7053,"{PHILIPS}",00)' in paths
    assert not any("DOE" in path for path in paths)


@pytest.mark.parametrize("options", [(), DATES, ("safe-private", "full-dates", "uids")])
@pytest.mark.parametrize(
    "name",
    [
        "mr_siemens_dwi_b0_500_1500",
        "siemens_xa61_enh_dwi",
        "philips_balls_enh",
        "mr_ge_axial_20",
        "us_regions_philips_sr",
    ],
)
def test_real_files_have_no_creator_without_attributes_and_none_the_other_way(real, name, options):
    deidentifier = engine(profile_of().with_options(options))
    for path in each(sorted(p for p in real(name).rglob("*") if p.is_file() and pydicom.misc.is_dicom(p))[:2]):
        data = file_through(path, deidentifier)
        result = pydicom.dcmread(pydicom.filebase.DicomBytesIO(data), stop_before_pixels=True)
        for dataset in every_item(result):
            creators = {(e.tag.group, e.tag.element) for e in dataset if e.tag.is_private_creator}
            blocks = {
                (e.tag.group, e.tag.element >> 8) for e in dataset if e.tag.is_private and not e.tag.is_private_creator
            }
            assert creators == blocks
        assert bool(options) or every(not e.tag.is_private for d in every_item(result) for e in d)


def ruled(*pairs):
    return {"rules": tuple(Rule(Address(address), method) for address, method in pairs)}


@pytest.mark.parametrize("blocks", [(0x10, 0x11), (0x27, 0x33)])
def test_a_rule_of_the_users_finds_its_attribute_by_creator(blocks):
    """What the discussion of private elements by creator asks for, in both places of a block."""
    rules = ruled(
        (f'(0029,"{MEDCOM}",60)', "keep"), (f"(7053,'{PHILIPS}',09)", "remove"), (f'(0029,"{MEDCOM}",61)', "keep")
    )
    result = through(pet(blocks), *DATES, **rules)
    found = privates(result)
    assert found[0x0029, MEDCOM, 0x60] == "DOE^JANE"
    assert (0x7053, PHILIPS, 0x09) not in found
    assert result[0x00290000 | blocks[1]].value == MEDCOM
    # That a person keeps it is no word on whether it identifies anybody.
    said = [i.PrivateCreatorReference for i in result.PrivateDataElementCharacteristicsSequence]
    assert MEDCOM not in said


def test_a_rule_keeps_a_whole_block_without_the_option():
    result = through(pet(), **ruled((f'(7053,"{PHILIPS}",xx)', "keep")))
    assert {*privates(result)} == {(0x7053, PHILIPS, n) for n in (0, 3, 9)}


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_a_rule_cleans_a_csa_header_without_the_option(syntax):
    header = pack_csa(
        Csa(2, (CsaTag("B_value", "IS", 1, 6, (b"1000\0DOE^JANE",)), CsaTag("Mine", "LO", 1, 19, (b"7\0",))))
    )
    dataset = pet()
    add(dataset, 0x0029, "SIEMENS CSA HEADER", 0x44, {0x10: ("OB", header), 0x20: ("OB", header), 0x09: ("LO", "x")})
    result = through(dataset, syntax=syntax, **ruled(('(0029,"SIEMENS CSA HEADER",10)', "cleanCsa")))
    found = {key for key in privates(result) if key[1] == "SIEMENS CSA HEADER"}
    assert found == {(0x0029, "SIEMENS CSA HEADER", 0x10)}
    cleaned = read_csa(result[0x00294410].value)
    assert [(t.name, t.texts) for t in cleaned.tags] == [("B_value", ("1000",))]


def test_keep_all_keeps_private_attributes_with_their_creators_and_claims_nothing():
    result = through(claiming(), base="keep-all")
    assert {*privates(claiming())} == {*privates(result)}
    assert result.PrivateDataElementCharacteristicsSequence[0].PrivateCreatorReference == "MY STATION"
    assert "DeidentificationMethodCodeSequence" not in result


@pytest.mark.parametrize(("institution", "state"), [("Philips Imaging", "published"), ("Elsewhere", "published")])
def test_a_maker_that_is_called_like_the_institution_is_no_fault(institution, state, tmp_path):
    dataset = pet((0x27, 0x10))
    dataset.InstitutionName, dataset.PatientName = institution, "Quillfeather^Philips"
    dataset.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    report = derive.deidentify(tmp_path / "a.dcm", tmp_path / "out", retain=DATES, key=KEY)
    assert [record.state for record in report.objects] == [state]


def test_a_person_is_told_of_creators_that_stand_twice(tmp_path):
    dataset = pet()
    add(dataset, 0x7053, PHILIPS, 0x20, {0x00: ("DS", "7")})
    dataset.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    report = derive.deidentify(tmp_path / "a.dcm", tmp_path / "out", retain=DATES, key=KEY)
    assert "SRC-CREATOR-TWICE" in {caution.code for caution in report.risks}
    assert "several blocks of group 7053" in str(report)
