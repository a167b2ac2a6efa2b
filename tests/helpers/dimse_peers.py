"""Archives that do as they are told: application entities of pynetdicom, and connections that break on the way."""

from __future__ import annotations

import copy
import socket
import ssl
import subprocess
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

from pydicom import dcmread
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import AE, evt
from pynetdicom.service_class import StorageServiceClass
from pynetdicom.sop_class import register_uid, uid_to_service_class

from derive.pacs.address import DimseAddress, Timeouts, Tls
from derive.pacs.dimse.send import DimseSender
from derive.pacs.outcome import Category
from derive.pacs.sendable import Sendable
from tests.helpers.servers import free_port, needs
from tests.helpers.sources import ROOT, make_series

#: Short, so that what never comes is not waited for long; long enough for a busy machine.
SHORT = Timeouts(connect=5, association=1.5, message=1.5, network=1.5)
PATIENT = Timeouts(connect=10, association=20, message=20, network=20)
LITTLE = (str(ExplicitVRLittleEndian), str(ImplicitVRLittleEndian))


def series(count=5, modality="CT", shape=(8, 9), number=0):
    """Data sets of a series with UIDs of its own."""
    made = make_series(modality, count, shape, AcquisitionTime="102100")
    for index, dataset in enumerate(made):
        dataset.SeriesInstanceUID = f"{ROOT}.2.{number}"
        dataset.SOPInstanceUID = f"{ROOT}.4.{number}.{index + 1}"
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    return made


def sendables(count=5, **options) -> list[Sendable]:
    return [Sendable.of_dataset(d) for d in series(count, **options)]


def private_classes(count) -> list[Sendable]:
    """One instance each of many classes that nobody knows."""
    (plain,) = series(1)
    made = []
    for index in range(count):
        dataset = copy.deepcopy(plain)
        dataset.SOPClassUID = f"{ROOT}.99.{index}"
        if uid_to_service_class(dataset.SOPClassUID) is not StorageServiceClass:
            register_uid(dataset.SOPClassUID, f"PrivateStorage{index}", StorageServiceClass)
        dataset.SOPInstanceUID = f"{ROOT}.98.{index}"
        made.append(Sendable.of_dataset(dataset))
    return made


@dataclass
class Archive:
    """What an application entity has received, and how it was talked to.

    ``stored`` holds what it answered, or would have answered, as stored: encoded bytes by SOP Instance UID.
    """

    port: int
    aet: str = "PEER"
    stored: dict[str, bytes] = field(default_factory=dict)
    syntaxes: dict[str, str] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    events: list[str] = field(default_factory=list)
    proposed: list[int] = field(default_factory=list)

    def address(self, timeouts=PATIENT, tls: Tls | None = None, port=None, host="127.0.0.1") -> DimseAddress:
        return DimseAddress(self.aet, host, port or self.port, tls=tls, timeouts=timeouts)


_ENDS = (evt.EVT_RELEASED, evt.EVT_ABORTED)

#: Given the event, how many requests came before, and the archive; returns a status.
Behaviour = Callable[[evt.Event, int, Archive], int]


@contextmanager
def archive(
    behaviour: Behaviour = lambda *_: 0x0000,
    *,
    classes=(),
    syntaxes=LITTLE,
    tls: ssl.SSLContext | None = None,
    handlers=(),
    **settings,
) -> Iterator[Archive]:
    """Run an application entity for the given classes, or CT, MR and PET."""
    entity = AE("PEER")
    for sop_class in classes or {p.sop_class_uid for m in ("CT", "MR", "PT") for p in sendables(1, modality=m)}:
        entity.add_supported_context(sop_class, list(syntaxes))
    entity.add_supported_context("1.2.840.10008.1.1")
    for name, value in settings.items():
        setattr(entity, name, value)
    made, lock = Archive(free_port()), threading.Lock()

    def store(event):
        uid = str(event.request.AffectedSOPInstanceUID)
        with lock:
            before = len(made.requests)
            made.requests.append(uid)
        status = behaviour(event, before, made)
        if status == 0 or status >> 12 == 0xB:
            made.stored[uid] = event.request.DataSet.getvalue()
            made.syntaxes[uid] = str(event.context.transfer_syntax)
        return status

    def noted(event):
        made.events.append(event.event.name)
        if event.event is evt.EVT_REQUESTED:
            made.proposed.append(len(event.assoc.requestor.primitive.presentation_context_definition_list))

    notes = [(e, noted) for e in (evt.EVT_REQUESTED, evt.EVT_ACCEPTED, evt.EVT_REJECTED, *_ENDS)]
    entity.start_server(("127.0.0.1", made.port), False, tls, [(evt.EVT_C_STORE, store), *notes, *handlers])
    try:
        yield made
    finally:
        entity.shutdown()


@contextmanager
def listener(serve: Callable[[socket.socket], None]) -> Iterator[int]:
    """Accept connections and hand each to a function, in a thread of its own; give the port."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        connections = []

        def accept():
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                connections.append(connection)
                threading.Thread(target=serve, args=(connection,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        try:
            yield server.getsockname()[1]
        finally:
            server.shutdown(socket.SHUT_RDWR)
            for connection in connections:
                connection.close()


@contextmanager
def between(port: int, *, cut=None, stall=None, times=1, tamper=None) -> Iterator[SimpleNamespace]:
    """Stand between two sides.

    Parameters
    ----------
    port : int
        Of the archive.
    cut, stall : int, optional
        Bytes from the sender after which the connection is closed, or passed on no more.
    times : int
        To how many connections that happens.
    tamper : function of bytes, optional
        Changes what the archive answers.
    """
    found = SimpleNamespace(port=0, connections=0)

    def serve(client):
        found.connections += 1
        limit = (cut or stall) if found.connections <= times else None
        upstream = socket.create_connection(("127.0.0.1", port))
        threading.Thread(target=_pass, args=(upstream, client, None, tamper), daemon=True).start()
        if _pass(client, upstream, limit, None) and stall:
            threading.Event().wait(30)
        for side in (client, upstream):
            side.close()

    with listener(serve) as own:
        found.port = own
        yield found


def _pass(source, target, limit, tamper) -> bool:
    """Pass bytes on until an end comes, or as many as may; say whether it was the latter."""
    passed = 0
    try:
        while data := source.recv(65536):
            if tamper:
                data = tamper(data)
            if limit is not None and passed + len(data) >= limit:
                target.sendall(data[: limit - passed])
                return True
            target.sendall(data)
            passed += len(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        for side in (source, target):
            side.close()
    return False


def certificates(folder: Path) -> SimpleNamespace:
    """Make an authority, a server and a client that it knows, and another authority."""
    needs("openssl")
    folder.mkdir()

    def run(*arguments):
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    for name in ("ca", "other"):
        run(
            *("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}"),
            *("-keyout", f"{name}.key", "-out", f"{name}.crt"),
        )
    for name, alternative in (("server", "IP:127.0.0.1"), ("client", "DNS:client")):
        (folder / f"{name}.ext").write_text(f"subjectAltName={alternative}\n")
        run("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", "r.csr")
        run(
            *("x509", "-req", "-in", "r.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2"),
            *("-extfile", f"{name}.ext", "-out", f"{name}.crt"),
        )
    return SimpleNamespace(**{p.stem + "_" + p.suffix[1:]: p for p in folder.iterdir() if p.suffix in (".crt", ".key")})


def demanding(made: SimpleNamespace) -> ssl.SSLContext:
    """TLS of an archive that asks for a certificate."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=made.ca_crt)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(made.server_crt, made.server_key)
    return context


def address_of(server, **options) -> DimseAddress:
    """The address of a real archive."""
    return DimseAddress(server.aet, "127.0.0.1", server.port, timeouts=PATIENT, **options)


def send(address, instances, **options):
    """Send without long pauses, and hold that there is one result for each."""
    results = list(DimseSender(address, **{"backoff_s": 0.02, **options}).send(instances))
    assert Counter(r.sop_instance_uid for r in results) == Counter(p.sop_instance_uid for p in instances)
    return results


def all_stored(results):
    return {r.category for r in results} == {Category.STORED}


def agrees(results, peer):
    """Hold that what is called stored is there, and that nothing else was said to be."""
    assert {r.sop_instance_uid for r in results if r.category.stored} == set(peer.stored)


def categories(results):
    return Counter(r.category for r in results)


def held(server) -> set[str]:
    """SOP Instance UIDs that a server really has."""
    if server.rest:
        return {i["MainDicomTags"]["SOPInstanceUID"] for i in server.ask("/instances?expand")}
    files = (p for p in server.folder.rglob("*") if p.is_file() and p.parent.name in ("in", "db"))
    return {str(dcmread(p).SOPInstanceUID) for p in files if p.name != "index.dat"}
