"""The types of all storage IODs: that they are those of the sources at every depth, and what is told where."""

from __future__ import annotations

import subprocess
import sys
from itertools import islice

import pytest
from pydicom.datadict import tag_for_keyword
from pydicom.uid import UID

from derive import standard
from derive.standard import regenerate
from tests.helpers.asserting import each, every
from tests.helpers.tables import CT, ENHANCED_CT, EVERY_IOD, MR, PET, SC
from tests.standard.test_tables import need_sources

SR = "1.2.840.10008.5.1.4.1.1.88.33"
SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.4"
RT_STRUCTURE_SET = "1.2.840.10008.5.1.4.1.1.481.3"
LEGACY_CT = "1.2.840.10008.5.1.4.1.1.2.2"
WAVEFORM_STATE = "1.2.840.10008.5.1.4.1.1.9.100.1"


def tags(path: str) -> tuple[int, ...]:
    found = [tag_for_keyword(keyword) for keyword in path.split(">")]
    assert None not in found, path
    return tuple(tag for tag in found if tag is not None)


@pytest.mark.parametrize(
    ("uid", "path", "kind"),
    [
        (CT, "PatientID", "2"),
        (CT, "StudyInstanceUID", "1"),
        (CT, "AcquisitionDate", "3"),
        (PET, "AcquisitionDate", "2"),
        (PET, "SeriesDate", "1"),
        (MR, "SeriesDate", "3"),
        (ENHANCED_CT, "AcquisitionDateTime", "1C"),
        (ENHANCED_CT, "DeviceSerialNumber", "1"),
        (ENHANCED_CT, "PerFrameFunctionalGroupsSequence>FrameContentSequence>FrameAcquisitionDateTime", "1C"),
        (ENHANCED_CT, "SharedFunctionalGroupsSequence>ReferencedImageSequence>ReferencedSOPInstanceUID", "1"),
        (CT, "RequestAttributesSequence>RequestedProcedureID", "1C"),
        (CT, "ReferringPhysicianIdentificationSequence>InstitutionName", "1C"),
        (SR, "VerifyingObserverSequence>VerifyingObserverName", "1"),
        (SR, "ContentSequence>PersonName", "1C"),
        (SR, "ContentSequence>ContentSequence>ContentSequence>ContentSequence>TextValue", "1C"),
        (SR, "ContentSequence>ContentSequence>ContentSequence>ObservationDateTime", "1C"),
        (SEGMENTATION, "SegmentSequence>SegmentLabel", "1"),
        (RT_STRUCTURE_SET, "StructureSetROISequence>ROIName", "2"),
        (RT_STRUCTURE_SET, "StructureSetLabel", "1"),
        # The equipment of the scanner is user optional there; where it is, its serial number is required.
        (LEGACY_CT, "DeviceSerialNumber", "1"),
        # SC Equipment says that its type replaces that of General Series.
        (SC, "Modality", "3"),
    ],
)
def test_types_that_matter(uid: str, path: str, kind: str) -> None:
    assert standard.type_of(uid, tags(path)) == kind


def test_an_attribute_that_an_iod_lacks_has_no_type() -> None:
    for path in each(["Units", "RequestAttributesSequence>PatientName", "StructureSetLabel>PatientName"]):
        assert standard.type_of(CT, tags(path)) == ""
    assert standard.type_of(CT, (0x00091001,)) == ""
    assert standard.type_of(CT, (0x00091001, 0x00100010)) == ""


def test_where_nobody_knows_there_is_no_answer() -> None:
    assert standard.type_of("1.3.12.2.1107.5.9.1", tags("PatientID")) is None
    assert standard.type_of(CT, tags("OriginalAttributesSequence>ModifiedAttributesSequence>PatientID")) is None
    converted = "SharedFunctionalGroupsSequence>UnassignedSharedConvertedAttributesSequence>PatientName"
    assert standard.type_of(LEGACY_CT, tags(converted)) is None
    # The source does not say what one of its mandatory modules holds.
    assert standard.type_of(WAVEFORM_STATE, tags("PatientID")) == "2"
    assert standard.type_of(WAVEFORM_STATE, tags("Units")) is None
    assert standard.module_tags("1.3.12.2.1107.5.9.1") is None
    assert standard.iod_name("1.3.12.2.1107.5.9.1") is None


def test_overlays_have_the_types_of_the_first_in_each_of_their_groups() -> None:
    for group in each(range(0x6000, 0x6020, 2)):
        assert standard.type_of(CT, (group << 16 | 0x0010,)) == "1"
    assert standard.type_of(CT, (0x60010010,)) == ""
    assert standard.type_of(CT, (0x60200010,)) == ""


def test_every_storage_class_of_the_source_has_types() -> None:
    uids = standard.typed_sop_classes()
    assert len(uids) >= 180
    assert every(UID(uid).is_valid for uid in uids)
    for uid in each(uids):
        top = standard.module_tags(uid)
        assert top
        assert every(standard.type_of(uid, (tag,)) in {"1", "1C", "2", "2C", "3"} for tag in top)


def test_types_are_those_of_the_rules_that_are_read_and_made() -> None:
    for iod in each(EVERY_IOD):
        assert standard.iod_name(iod.sop_class_uid) == iod.name
        for keyword, rules in each(iod.all_rules.items()):
            ours = standard.rules_of(iod.sop_class_uid, (standard.tag_of(keyword),))
            assert ours is not None
            assert sorted((rule.module, rule.type, rule.overrides) for rule in ours) == sorted(
                (rule.module, rule.type, rule.overrides) for rule in rules
            ), keyword


def test_types_are_those_of_the_source_at_every_depth() -> None:
    need_sources()
    uids, uses = regenerate._highdicom("sop_class_iod_map"), regenerate._highdicom("iod_module_map")
    attributes = regenerate._highdicom("module_attribute_map")
    using = {use["key"]: uid for uid, name in uids.items() for use in uses[name]}
    known = {keyword: _number(row[0]) for keyword, row in regenerate._dictionary().items()}
    compared = 0
    for module, uid in each(using.items()):
        for attribute in islice(
            attributes.get(module, ()), None, None, 7
        ):  # one of seven: the code is the same for all
            path = (*(known[keyword] for keyword in attribute["path"]), known[attribute["keyword"]])
            found = standard.rules_of(uid, path) or ()
            assert attribute["type"] in {rule.type for rule in found if rule.module == module}, (module, attribute)
            compared += 1
    assert compared > 5000


def _number(tag: str) -> int:
    return int(tag.strip("()").replace(",", "").replace("xx", "00"), 16)


def test_help_does_not_load_the_types() -> None:
    code = (
        "import derive.cli.main, derive.standard._types as t\n"
        "try: derive.cli.main.main(['--help'])\n"
        "except SystemExit: pass\n"
        "assert not t._texts.cache_info().currsize"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert found.returncode == 0, found.stderr
