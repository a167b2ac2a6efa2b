"""Secured connections: who is let in, and what is said where one is not."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from derive.errors import NetworkError
from derive.pacs.address import Tls
from derive.pacs.dimse.association import echo
from derive.pacs.dimse.transcode import data_set
from tests.helpers.asserting import every
from tests.helpers.dimse_peers import (
    SHORT,
    address_of,
    all_stored,
    archive,
    certificates,
    demanding,
    held,
    send,
    sendables,
)
from tests.helpers.servers import orthanc


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> SimpleNamespace:
    return certificates(tmp_path_factory.mktemp("tls") / "pem")


def test_a_secured_archive_takes_a_known_client(made, tmp_path):
    settings = {
        "DicomTlsEnabled": True,
        "DicomTlsCertificate": str(made.server_crt),
        "DicomTlsPrivateKey": str(made.server_key),
        "DicomTlsTrustedCertificates": str(made.ca_crt),
        "DicomTlsRemoteCertificateRequired": True,
    }
    tls = Tls(ca=made.ca_crt, certificate=made.client_crt, key=made.client_key)
    with orthanc(tmp_path / "o", **settings) as server:
        address = address_of(server, tls=tls)
        assert echo(address) >= 0
        assert all_stored(send(address, sendables(4, shape=(200, 200)), parallel=2))
        assert len(held(server)) == 4


@pytest.mark.parametrize("parallel", [1, 2])
def test_large_instances_go_over_tls(made, parallel):
    instances = sendables(4, shape=(700, 700))
    tls = Tls(ca=made.ca_crt, certificate=made.client_crt, key=made.client_key)
    with archive(tls=demanding(made)) as peer:
        assert all_stored(send(peer.address(tls=tls), instances, parallel=parallel))
        assert every(peer.stored[p.sop_instance_uid] == bytes(data_set(p.data)) for p in instances)


@pytest.mark.parametrize(
    ("tls", "said"),
    [
        (lambda m: Tls(ca=m.other_crt, certificate=m.client_crt, key=m.client_key), "is not trusted"),
        (lambda m: Tls(ca=m.ca_crt), "which certificate it asks for"),
        (lambda m: Tls(ca=m.ca_crt, certificate=m.other_crt, key=m.other_key), "which certificate it asks for"),
        (lambda m: Tls(ca=m.ca_crt, certificate=m.client_crt, key=m.server_key), "client.crt and server.key"),
        (lambda m: Tls(ca=m.ca_crt.with_name("none")), "none cannot be used"),
    ],
    ids=["unknown authority", "no certificate", "foreign certificate", "key of another", "no file"],
)
def test_a_connection_that_cannot_be_secured_is_refused(made, tls, said):
    with archive(tls=demanding(made)) as peer:
        with pytest.raises(NetworkError, match=said) as failed:
            send(peer.address(tls=tls(made)), sendables(1))
        assert failed.value.code == "NET-TLS"
        assert not peer.stored


def test_the_name_of_the_host_is_checked(made):
    tls = {"ca": made.ca_crt, "certificate": made.client_crt, "key": made.client_key}
    with archive(tls=demanding(made)) as peer:
        with pytest.raises(NetworkError, match="is not trusted"):
            echo(peer.address(tls=Tls(**tls), host="localhost"))
        assert echo(peer.address(tls=Tls(**tls, check_hostname=False), host="localhost")) >= 0


def test_tls_on_one_side_only_is_told(made):
    with archive(tls=demanding(made)) as peer, pytest.raises(NetworkError, match="if it wants TLS") as failed:
        echo(peer.address(timeouts=SHORT))
    assert failed.value.code == "NET-ABORTED"
    with archive() as peer, pytest.raises(NetworkError) as failed:
        echo(peer.address(timeouts=SHORT, tls=Tls(ca=made.ca_crt)))
    assert failed.value.code == "NET-TLS"
