"""What tests of query, retrieval and the small archive share: series of several patients, and ways to store them."""

from __future__ import annotations

import io
from contextlib import contextmanager

from pydicom import dcmread
from pydicom.uid import RLELossless

from derive.pacs.address import DimseAddress, Timeouts
from derive.pacs.dimse._pynetdicom import park
from derive.pacs.dimse.association import associated
from derive.pacs.sendable import Sendable
from derive.pacs.service.service import ArchiveService
from tests.helpers.sources import ROOT, make_series

#: Name of each series -> (what is asked for it, instances).
CT, MR, OTHER_STUDY, OTHER_PATIENT = "CT", "MR", "OTHER_STUDY", "OTHER_PATIENT"
QUICK = Timeouts(connect=5, association=5, message=20, network=20)


def some_series(number, modality="CT", count=4, **changes):
    """A series of its own, in study 1 of patient PAT-1 unless it is told otherwise."""
    own = {
        "StudyInstanceUID": f"{ROOT}.1",
        "SeriesInstanceUID": f"{ROOT}.2.{number}",
        "SOPInstanceUID": lambda k: f"{ROOT}.4.{number}.{k + 1}",
        "SeriesNumber": number,
        "PatientID": "PAT-1",
    }
    instances = make_series(modality, count, **{**own, **changes})
    for dataset in instances:
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    return instances


def collection():
    """Two patients, three studies, four series."""
    return {
        CT: some_series(1, SeriesDescription="Thorax 2.0"),
        MR: some_series(2, "MR", 3, SeriesDescription="Head T1"),
        OTHER_STUDY: some_series(3, StudyInstanceUID=f"{ROOT}.1.2", AccessionNumber="A2", StudyDate="20250615"),
        OTHER_PATIENT: some_series(
            4,
            "PT",
            3,
            StudyInstanceUID=f"{ROOT}.1.3",
            PatientID="PAT-2",
            AccessionNumber="A3",
            PatientName="Roe^Richard",
        ),
    }


def compressed(number=9, **changes):
    """A series in RLE Lossless."""
    own = {"StudyInstanceUID": f"{ROOT}.1.9", "AccessionNumber": "A9", "PatientID": "ZIP-3", "SeriesDescription": "RLE"}
    instances = some_series(number, "PT", 3, **{**own, **changes})
    for dataset in instances:
        dataset.compress(RLELossless, generate_instance_uid=False)
    return instances


def uids(instances):
    return [str(d.SOPInstanceUID) for d in instances]


def keys_of(instances):
    return str(instances[0].StudyInstanceUID), str(instances[0].SeriesInstanceUID)


def data_set(file):
    """The bytes of a Part 10 file after its File Meta Information."""
    assert file[128:140] == b"DICM\2\0\0\0UL\4\0"
    return file[144 + int.from_bytes(file[140:144], "little") :]


def syntax_of(file):
    return str(dcmread(io.BytesIO(file), stop_before_pixels=True).file_meta.TransferSyntaxUID)


def sent_bytes(instances):
    """Transfer syntax and data set by SOP Instance UID."""
    files = {str(d.SOPInstanceUID): Sendable.of_dataset(d).read() for d in instances}
    return {uid: (syntax_of(file), data_set(file)) for uid, file in files.items()}


def came_bytes(files):
    return {
        str(dcmread(io.BytesIO(f), stop_before_pixels=True).SOPInstanceUID): (syntax_of(f), data_set(f)) for f in files
    }


def address_of(peer, calling="DERIVE", timeouts=QUICK):
    return DimseAddress(peer.aet, "127.0.0.1", peer.port, calling_aet=calling, timeouts=timeouts)


def connected(peer, contexts, **options):
    """An association to speak on as one likes."""
    return associated(address_of(peer, "TESTER"), contexts, **options)


def store(peer, instances):
    """Store, each instance as it is encoded; return the statuses."""
    from pynetdicom import build_context

    pairs = dict.fromkeys((d.SOPClassUID, d.file_meta.TransferSyntaxUID) for d in instances)
    with connected(peer, [build_context(*pair) for pair in pairs]) as association:
        return [association.send_c_store(d).get("Status") for d in instances]


def store_bytes(peer, dataset, encoded, uid=None):
    """Store bytes as they are, whatever is said of them."""
    from pynetdicom import build_context
    from pynetdicom.dimse_primitives import C_STORE

    request = C_STORE()
    request.MessageID, request.Priority = 1, 2
    request.AffectedSOPClassUID, request.AffectedSOPInstanceUID = dataset.SOPClassUID, uid or dataset.SOPInstanceUID
    request.DataSet = io.BytesIO(encoded)
    syntax = dataset.file_meta.TransferSyntaxUID
    with connected(peer, [build_context(dataset.SOPClassUID, syntax)]) as association:
        park(association)
        association.dimse.send_msg(request, association.accepted_contexts[0].context_id)
        _, response = association.dimse.get_msg(block=True)
    return response.Status


SERIES = collection()


RLE = compressed()


IMPATIENT = Timeouts(connect=5, association=5, message=2, network=5)


_MODELS = "1.2.840.10008.5.1.4.1.2."


class Lacking(ArchiveService):
    """The small archive without some of its services, given by the end of their UIDs."""

    lacks: tuple[str, ...] = ()

    def _contexts(self):
        return [c for c in super()._contexts() if c.abstract_syntax not in [_MODELS + end for end in self.lacks]]


@contextmanager
def lacking(folder, *lacks, port=0, kind=Lacking):
    service = kind(folder, port=0, destinations={"DERIVE": ("127.0.0.1", port)})
    service.lacks = lacks
    with service:
        store(service, [d for series in SERIES.values() for d in series])
        yield service
