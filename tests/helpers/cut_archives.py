"""Archives whose answers are cut, in every way in which archives do that: over DIMSE, and over DICOMweb."""

from __future__ import annotations

import json
import re
import socket
import struct
from contextlib import contextmanager
from urllib.parse import parse_qs, urlsplit

from pynetdicom.dsutils import encode

from derive.pacs.matching import texts
from derive.pacs.sendable import Sendable
from derive.pacs.service.service import ArchiveService
from tests.helpers.archive_peers import address_of, store
from tests.helpers.web_services import JSON, Say, address, service


class Cut(ArchiveService):
    """Gives the first few answers at one level, and ends as it is told to."""

    most = 2
    level = "IMAGE"
    #: Its last status; ``abort`` ends the association, None says success, as if that were all.
    ends: int | str | None = 0xFE00
    #: Whether it says how many instances a series has, and answers a question about one instance.
    counts, one_by_one = True, True
    #: What it sends of a series at most.
    sends: int | None = None

    def _find(self, event):
        identifier = event.identifier
        one = bool(identifier.get("SOPInstanceUID"))
        cut = identifier.QueryRetrieveLevel == self.level and not (one and self.one_by_one)
        if one and not self.one_by_one:
            del identifier.SOPInstanceUID
        answers = super()._find(event) if not one or self.one_by_one else self._every(event, identifier)
        for given, (status, found) in enumerate(answers):
            if cut and given == self.most:
                break
            if found is not None and not self.counts:
                for keyword in ("NumberOfSeriesRelatedInstances", "NumberOfStudyRelatedInstances"):
                    if keyword in found:
                        del found[keyword]
            yield status, found
        else:
            return
        if self.ends == "abort":
            event.assoc.abort()
        elif self.ends is not None:
            yield self.ends, None

    def _every(self, event, identifier):
        """Disregard the key that it does not know."""
        keys = texts(identifier)
        for found in self.index.find(keys.pop("QueryRetrieveLevel"), {**keys, "SOPInstanceUID": ""}):
            yield 0xFF00, found

    def _sent(self, event, wanted):
        if self.sends is not None and wanted is not None and len(wanted) > 1:
            wanted = wanted[: self.sends]
        yield from super()._sent(event, wanted)


@contextmanager
def cut_archive(folder, instances, **settings):
    """Run one that holds some instances; give its address."""
    kept = Cut(folder, port=0)
    for name, value in settings.items():
        assert hasattr(Cut, name), name
        setattr(kept, name, value)
    with kept:
        assert set(store(kept, instances)) == {0}
        yield address_of(kept)


class CutWeb:
    """A DICOMweb service with a few series, whose listings are cut and whose answers have a form.

    Parameters
    ----------
    instances : sequence of pydicom Dataset
    most : int
        Answers of a page at most.
    paging : {"known", "ignored", "ends", "overlaps"}
        Whether it knows the offset; ``ends`` gives nothing behind the first page, as if that were all.
    warns : str
        Its Warning header where it gives less than it has.
    counts, one_by_one : bool
        Whether it says how many instances a series has, and matches SOP Instance UIDs.
    sends : int, optional
        What it sends of a series at most.
    refuses : callable (path, accept) -> status or None
        What it does not give in a form.
    """

    def __init__(self, instances, most=2, **settings):
        self.files = {str(d.SOPInstanceUID): (d, Sendable.of_dataset(d).read()) for d in instances}
        self.most, self.paging, self.warns, self.counts, self.one_by_one = most, "known", "", True, True
        self.sends, self.refuses, self.status, self.metadata = None, lambda path, accept: None, 200, 200
        self.accepted = []
        for name, value in settings.items():
            assert hasattr(self, name), name
            setattr(self, name, value)

    def __call__(self, method, url, headers):
        parts = urlsplit(url)
        path, query = parts.path.removeprefix("/dicom-web"), {k: v[0] for k, v in parse_qs(parts.query).items()}
        accept = headers.get("Accept", "")
        if "json" in accept and path.endswith("/metadata"):
            uid = path.split("/")[-2]
            return Say(self.metadata if uid in self.files else 404, b"[]", {"Content-Type": JSON})
        return self.listed(path, query) if "json" in accept else self.given(path, accept)

    def listed(self, path, query):
        if path.endswith("/instances"):
            study, series = re.search(r"/studies/([^/]+)/series/([^/]+)/", path).groups()
            rows = [i for i in self.of_series(study, series) if self.wanted(i, query)]
        else:
            rows = self.studies(query) if path.endswith("/studies") else self.series(query)
        most, offset = self.most if path.endswith("/instances") else len(rows), int(query.get("offset", 0))
        if self.paging == "ignored":
            offset = 0
        page = rows[offset : offset + min(most, int(query.get("limit", most)))]
        if self.paging == "ends" and offset:
            page = []
        if self.paging == "overlaps" and offset:
            page = rows[offset - 1 : offset - 1 + most]
        headers = {"Content-Type": JSON}
        if self.warns and offset + len(page) < len(rows):
            headers["Warning"] = self.warns
        return Say(self.status if page and offset + len(page) < len(rows) else 200, json.dumps(page).encode(), headers)

    def of_series(self, study, series):
        return [
            {"00080018": {"vr": "UI", "Value": [uid]}}
            for uid, (d, _) in self.files.items()
            if (str(d.StudyInstanceUID), str(d.SeriesInstanceUID)) == (study, series)
        ]

    def wanted(self, item, query):
        uid = query.get("SOPInstanceUID") if self.one_by_one else None
        return uid is None or item["00080018"]["Value"] == [uid]

    def series(self, query):
        rows = {}
        for dataset, _ in self.files.values():
            uids = {k: str(dataset[k].value) for k in ("StudyInstanceUID", "SeriesInstanceUID", "PatientID")}
            if all(query.get(k, v) == v for k, v in uids.items()):
                rows.setdefault((uids["StudyInstanceUID"], uids["SeriesInstanceUID"]), []).append(uids["PatientID"])
        found = []
        for (study, series), patients in rows.items():
            row = {"0020000D": [study], "0020000E": [series], "00100020": patients[:1]}
            if self.counts:
                row["00201209"] = [len(patients)]
            found.append({tag: {"vr": "UI", "Value": value} for tag, value in row.items()})
        return found

    def studies(self, query):
        counts = {}
        for row in self.series(query):
            counts[row["0020000D"]["Value"][0]] = counts.get(row["0020000D"]["Value"][0], 0) + 1
        said = [
            {"0020000D": [study]} | ({"00201206": [count]} if self.counts else {}) for study, count in counts.items()
        ]
        return [{tag: {"vr": "UI", "Value": value} for tag, value in row.items()} for row in said]

    def given(self, path, accept):
        self.accepted.append((path, accept))
        refused = self.refuses(path, accept)
        if refused is not None:
            return Say(refused)
        if "/instances/" in path:
            uid = path.rpartition("/")[2]
            found = [self.files[uid][1]] if uid in self.files else []
        else:
            study, series = re.search(r"/studies/([^/]+)/series/([^/]+)$", path).groups()
            found = [self.files[i["00080018"]["Value"][0]][1] for i in self.of_series(study, series)][: self.sends]
        if not found:
            return Say(404)
        if "multipart" not in accept:
            return Say(200, found[0], {"Content-Type": "application/dicom"})
        body = b"".join(b"--x\r\nContent-Type: application/dicom\r\n\r\n" + f + b"\r\n" for f in found) + b"--x--\r\n"
        return Say(200, body, {"Content-Type": 'multipart/related; type="application/dicom"; boundary=x'})


@contextmanager
def cut_web(instances, most=2, **settings):
    """Run one; give its address, and what it was."""
    said = CutWeb(instances, most, **settings)
    requests = []

    def say(number, uids):
        method, path, _, headers = requests[0].requests[number]
        return said(method, path, headers)

    with service(say) as fake:
        requests.append(fake)
        yield address(fake), said


# ---- messages that are none


def associate_request(aet=b"ARCHIVE", abstract=b"1.2.840.10008.1.1"):
    """Encode an A-ASSOCIATE-RQ of one presentation context (PS3.8 9.3.2)."""

    def item(kind, value):
        return struct.pack(">BBH", kind, 0, len(value)) + value

    syntaxes = item(0x30, abstract) + item(0x40, b"1.2.840.10008.1.2")
    user = item(0x51, struct.pack(">I", 16384)) + item(0x52, b"1.2.3")
    body = struct.pack(">HH16s16s32x", 1, 0, aet.ljust(16), b"TESTER".ljust(16))
    body += item(0x10, b"1.2.840.10008.3.1.1.1") + item(0x20, b"\1\0\0\0" + syntaxes) + item(0x50, user)
    return struct.pack(">BBI", 1, 0, len(body)) + body


def message(elements, data=b""):
    """Encode a P-DATA-TF with a command set, and a data set if there is one (PS3.8 9.3.5, PS3.7 6.3)."""
    body = b"".join(struct.pack("<HHL", 0, tag, len(value)) + value for tag, value in elements)
    command = struct.pack("<HHLL", 0, 0, 4, len(body)) + body
    pdvs = b"".join(struct.pack(">IBB", len(v) + 2, 1, kind) + v for kind, v in ((3, command), (2, data)) if v)
    return struct.pack(">BBI", 4, 0, len(pdvs)) + pdvs


def echo_request():
    return message([(2, b"1.2.840.10008.1.1\0"), (0x100, b"\x30\0"), (0x110, b"\1\0"), (0x800, b"\1\1")])


def find_request(identifier):
    """Encode a C-FIND request; its identifier in Implicit VR Little Endian."""
    uid = b"1.2.840.10008.5.1.4.1.2.2.1\0"
    elements = [(2, uid), (0x100, b"\x20\0"), (0x110, b"\1\0"), (0x700, b"\2\0"), (0x800, b"\1\0")]
    return message(elements, encode(identifier, True, True))


def damaged(random, data):
    """Change, cut out, put in or cut off some bytes."""
    made = bytearray(data)
    for _ in range(random.randint(1, 5)):
        at = random.randrange(len(made))
        how = random.randrange(4)
        if how == 0:
            made[at] = random.choice([0, 1, 0x7F, 0xFF, random.randrange(256)])
        elif how == 1:
            del made[at : at + random.randint(1, 8)]
        elif how == 2:
            made[at:at] = random.randbytes(random.randint(1, 8))
        else:
            del made[at + 1 :]
        made = made or bytearray(b"\1")
    return bytes(made)


def exchanged(port, *sent, seconds=5.0):
    """Send one after the other, and give all that comes to each; nothing more where the connection ends."""
    answers = []
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.settimeout(seconds)
        for data in sent:
            try:
                connection.sendall(data)
                answers.append(_pdu(connection))
            except OSError:
                break
    return answers


def _pdu(connection):
    head = b""
    while len(head) < 6:
        part = connection.recv(6 - len(head))
        if not part:
            return b""
        head += part
    body, length = b"", int.from_bytes(head[2:6], "big")
    while len(body) < length and (part := connection.recv(length - len(body))):
        body += part
    return head + body
