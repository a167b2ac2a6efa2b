"""Sessions: redirects, credentials, TLS, and what no log holds."""

from __future__ import annotations

import logging
import ssl
import subprocess

import pytest

from derive.errors import NetworkError, UsageError
from derive.pacs.address import Credentials, Tls, WebAddress
from derive.pacs.web import query as web_query
from derive.pacs.web.session import WebSession
from derive.pacs.web.stow import WebSender
from tests.helpers.asserting import raises_code
from tests.helpers.servers import needs
from tests.helpers.web_services import (
    SECRET,
    STORED,
    UNSENT,
    Say,
    address,
    always,
    in_turn,
    sent,
    service,
    store_all,
)


def test_of_what_a_service_says_only_a_short_reason_phrase_is_repeated():
    with (
        service(always(Say(400, SECRET.encode(), reason="Bad\tthing " + "x" * 500))) as fake,
        raises_code("NET-HTTP", NetworkError) as raised,
    ):
        web_query.ping(address(fake))
    assert SECRET not in str(raised.value)
    assert len(str(raised.value)) < 300
    assert "\t" not in str(raised.value)


# ---- redirects and credentials


def test_nothing_goes_to_another_host_by_a_redirect(sendables, monkeypatch):
    monkeypatch.setenv("DERIVE_TEST_TOKEN", "t0ken")
    credentials = Credentials("DERIVE_TEST_TOKEN")
    for status in (301, 302, 303, 307, 308):
        with service(store_all) as other:
            elsewhere = always(Say(status, b"", {"Location": f"{other.url}/studies"}))
            with service(elsewhere) as fake:
                with raises_code("NET-HTTP", NetworkError):
                    list(WebSender(address(fake, credentials=credentials)).send(sendables))
                with raises_code("NET-HTTP", NetworkError):
                    web_query.ping(address(fake, credentials=credentials))
            assert other.requests == []
            assert {headers["Authorization"] for *_, headers in fake.requests} == {"Bearer t0ken"}


def test_a_redirect_within_the_service_is_followed_by_a_query_and_not_by_instances(sendables):
    def say(_, uids):
        path = fake.requests[-1][1]
        return Say(200, b"[]") if "moved" in path else Say(307, b"", {"Location": "/moved?limit=1"})

    with service(say) as fake:
        web_query.ping(address(fake))
        assert [path for _, path, *_ in fake.requests] == ["/dicom-web/studies?limit=1", "/moved?limit=1"]
        with raises_code("NET-HTTP", NetworkError):
            sent(fake, sendables)
        assert len(fake.batches) == 1


def test_redirects_in_a_circle_end():
    circle = always(Say(302, b"", {"Location": "/dicom-web/studies"}))
    with service(circle) as fake, raises_code("NET-HTTP", NetworkError) as raised:
        web_query.ping(address(fake))
    assert raised.value.facts["status"] == 302
    assert len(fake.requests) < 10


def test_credentials_come_from_the_variables_that_are_named_and_from_nowhere_else(monkeypatch, tmp_path):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password netrc-secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("DERIVE_TEST_TOKEN", "t0ken\n")
    monkeypatch.setenv("DERIVE_TEST_USER", "u")
    monkeypatch.setenv("DERIVE_TEST_PASSWORD", "p")
    with service(always(Say(200, b"[]"))) as fake:
        for credentials in (
            Credentials(),
            Credentials("DERIVE_TEST_TOKEN"),
            Credentials(None, "DERIVE_TEST_USER", "DERIVE_TEST_PASSWORD"),
        ):
            web_query.ping(address(fake, credentials=credentials))
    assert [h.get("Authorization") for *_, h in fake.requests] == [None, "Bearer t0ken", "Basic dTpw"]


@pytest.mark.parametrize(
    ("credentials", "named"),
    [
        (Credentials("DERIVE_TEST_NOT_SET"), "DERIVE_TEST_NOT_SET"),
        (Credentials(None, "DERIVE_TEST_NOT_SET", "DERIVE_TEST_SET"), "DERIVE_TEST_NOT_SET"),
        (Credentials(None, "DERIVE_TEST_SET", "DERIVE_TEST_EMPTY"), "DERIVE_TEST_EMPTY"),
        (Credentials(None, "DERIVE_TEST_SET", None), "password_env"),
        (Credentials("DERIVE_TEST_BROKEN"), "DERIVE_TEST_BROKEN"),
    ],
)
def test_a_secret_that_is_missing_is_named_by_its_variable_and_not_by_its_value(monkeypatch, credentials, named):
    monkeypatch.setenv("DERIVE_TEST_SET", "s3cret")
    monkeypatch.setenv("DERIVE_TEST_EMPTY", "")
    monkeypatch.setenv("DERIVE_TEST_BROKEN", "s3cret\r\nX-Other: 1")
    with pytest.raises(UsageError) as raised:
        WebSession(WebAddress("http://127.0.0.1:9", credentials))
    assert raised.value.code == "NET-SECRET"
    assert named in str(raised.value)
    assert "s3cret" not in str(raised.value)


def test_credentials_without_tls_are_warned_of_except_on_this_machine(monkeypatch, caplog):
    monkeypatch.setenv("DERIVE_TEST_TOKEN", "t0ken")
    for host in ("127.0.0.1", "localhost", "[::1]"):
        WebSession(WebAddress(f"http://{host}:8042/dicom-web", Credentials("DERIVE_TEST_TOKEN")))
    assert not caplog.records
    WebSession(WebAddress("http://pacs.example.org/dicom-web", Credentials("DERIVE_TEST_TOKEN")))
    assert "not secured" in caplog.text
    assert "t0ken" not in caplog.text


@pytest.mark.parametrize("url", ["ftp://host/x", "host/x", "http://", "http://u:p@host/x"])
def test_an_address_that_cannot_be_used_is_refused(url):
    with pytest.raises(UsageError) as raised:
        WebSession(WebAddress(url))
    assert raised.value.code in ("NET-ADDRESS", "NET-SECRET")
    assert "u:p" not in str(raised.value)


# ---- TLS


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """A certificate of this host, one of another host, and one of ours."""
    needs("openssl")
    folder = tmp_path_factory.mktemp("tls")
    for name, host in (("here", "IP:127.0.0.1"), ("there", "DNS:pacs.example.org"), ("ours", "DNS:derive")):
        command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        command += ["-keyout", f"{name}.key", "-out", f"{name}.pem", "-days", "2", "-subj", f"/CN={name}"]
        subprocess.run([*command, "-addext", f"subjectAltName={host}"], cwd=folder, check=True, capture_output=True)
    return folder


def context_of(folder, name, client=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / f"{name}.pem", folder / f"{name}.key")
    if client:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(folder / f"{client}.pem")
    return context


def test_a_certificate_that_is_trusted_lets_instances_through(certificates, sendables, monkeypatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificates / "there.pem"))  # of no account
    with service(store_all, context_of(certificates, "here")) as fake:
        sender = WebSender(address(fake, tls=Tls(ca=certificates / "here.pem")))
        assert {r.category for r in sender.send(sendables)} == {STORED}


@pytest.mark.parametrize("ca", [None, "there"])
def test_a_certificate_that_is_not_trusted_lets_nothing_through(certificates, sendables, ca, monkeypatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificates / "here.pem"))  # of no account
    with service(store_all, context_of(certificates, "here")) as fake:
        tls = Tls(ca=certificates / f"{ca}.pem") if ca else None
        with pytest.raises(NetworkError) as raised:
            list(WebSender(address(fake, tls=tls)).send(sendables))
    assert raised.value.code == "NET-TLS"
    assert "certificate" in str(raised.value)
    assert fake.requests == []


def test_what_the_system_trusts_is_trusted_where_no_certificates_are_given(certificates, sendables, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates / "here.pem"))
    with service(store_all, context_of(certificates, "here")) as fake:
        assert {r.category for r in WebSender(address(fake)).send(sendables)} == {STORED}
        with raises_code("NET-TLS", NetworkError):  # where some are given, those alone are
            list(WebSender(address(fake, tls=Tls(ca=certificates / "there.pem"))).send(sendables))


def test_a_certificate_of_another_host_does_only_where_the_name_is_not_looked_at(certificates, sendables):
    with service(store_all, context_of(certificates, "there")) as fake:
        ca = certificates / "there.pem"
        with pytest.raises(NetworkError) as raised:
            list(WebSender(address(fake, tls=Tls(ca=ca))).send(sendables))
        assert raised.value.code == "NET-TLS"
        assert fake.requests == []
        results = WebSender(address(fake, tls=Tls(ca=ca, check_hostname=False))).send(sendables)
        assert {r.category for r in results} == {STORED}
        with pytest.raises(NetworkError):  # the name is not looked at; the certificate is
            list(WebSender(address(fake, tls=Tls(check_hostname=False))).send(sendables))


def test_a_service_that_wants_our_certificate_gets_it_or_takes_nothing(certificates, sendables):
    with service(store_all, context_of(certificates, "here", client="ours")) as fake:
        ca = certificates / "here.pem"
        ours = Tls(ca, certificates / "ours.pem", certificates / "ours.key")
        assert {r.category for r in WebSender(address(fake, tls=ours)).send(sendables)} == {STORED}
        fake.requests.clear()
        try:
            results = list(WebSender(address(fake, tls=Tls(ca)), attempts=1).send(sendables))
        except NetworkError as error:
            assert error.code in ("NET-TLS", "NET-UNREACHABLE")  # noqa: PT017 - either way is right
        else:
            assert {r.category for r in results} == {UNSENT}
        assert fake.requests == []


def test_https_where_only_http_is_spoken_is_a_matter_of_tls(sendables):
    with service(store_all) as fake, pytest.raises(NetworkError) as raised:
        list(WebSender(WebAddress(fake.url.replace("http:", "https:"))).send(sendables))
    assert raised.value.code == "NET-TLS"


def test_a_file_of_certificates_that_is_missing_is_named(tmp_path):
    with pytest.raises(UsageError) as raised:
        WebSession(WebAddress("https://127.0.0.1:9", tls=Tls(ca=tmp_path / "none.pem")))
    assert raised.value.code == "NET-TLS"
    assert "none.pem" in str(raised.value)
    (tmp_path / "empty.pem").write_text("nothing")
    with pytest.raises(NetworkError) as raised:
        web_query.ping(WebAddress("https://127.0.0.1:9", tls=Tls(ca=tmp_path / "empty.pem")))
    assert raised.value.code in ("NET-TLS", "NET-UNREACHABLE")


def test_no_log_holds_secrets_or_what_was_asked_for(sendables, monkeypatch, caplog):
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, logger="urllib3")
    monkeypatch.setenv("DERIVE_TEST_TOKEN", "t0ken")
    credentials = Credentials("DERIVE_TEST_TOKEN")
    nothing = always(Say(200, b"[]"))
    with service(in_turn(always(Say(503, SECRET.encode())), nothing, nothing)) as fake:
        web_query.search_series(address(fake, credentials=credentials), {"PatientID": SECRET})
        list(WebSender(address(fake, credentials=credentials)).send(sendables))
    assert "POST" in caplog.text
    for word in ("t0ken", SECRET, "Doe", "Secret"):
        assert word not in caplog.text
