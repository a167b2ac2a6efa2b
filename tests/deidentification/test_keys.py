"""The key of a run: where it comes from, and what follows of it."""

from __future__ import annotations

import hashlib
import hmac
import uuid

import pytest

from derive.deidentification.profile.profile import Profile
from derive.deidentification.run.keys import SHORTEST_KEY, KeyedSecrets, microsoft_days, secrets_of
from derive.deidentification.run.run import RunPlan, run_of
from tests.helpers.asserting import every, raises_code
from tests.helpers.methods import KEY, OTHER_KEY, instance_of

UID = "1.2.840.113619.2.55.3.1"


def facts(run):
    """What follows of a run's key."""
    one = instance_of()
    return run.uids.new(UID), run.dates.days(one), run.subjects.patient_id(one), run.secrets.digest("any", b"text")


def test_the_same_key_gives_the_same_whichever_way_it_comes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DERIVE_KEY", KEY)
    (tmp_path / "key").write_text(KEY + "\n")
    wanted = facts(run_of(Profile(), KEY))
    assert facts(run_of(Profile(), KEY.encode())) == wanted
    assert facts(run_of(Profile(), plan=RunPlan(key_env="DERIVE_KEY"))) == wanted
    assert facts(run_of(Profile(), plan=RunPlan(key_file=tmp_path / "key"))) == wanted
    for said in ('key_env = "DERIVE_KEY"', 'key_file = "key"'):
        (tmp_path / "derive.toml").write_text(f"[deidentification]\n{said}\n")
        assert facts(run_of(Profile())) == wanted
    assert every(mine != other for mine, other in zip(wanted, facts(run_of(Profile(), OTHER_KEY)), strict=True))


def test_without_a_key_every_run_has_its_own_and_says_so(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    first, second = run_of(Profile()), run_of(Profile())
    assert first.secrets.is_random
    assert not run_of(Profile(), KEY).secrets.is_random
    assert first.uids.new(UID) != second.uids.new(UID)


@pytest.mark.parametrize(
    "plan",
    [
        RunPlan(key_env="DERIVE_NO_SUCH_KEY"),
        RunPlan(key_file="no such file"),  # type: ignore[arg-type] # a person's slip
        RunPlan(key_env="DERIVE_SHORT_KEY"),
    ],
)
def test_a_key_that_is_not_there_or_too_short_is_refused(plan, monkeypatch, tmp_path):
    monkeypatch.setenv("DERIVE_SHORT_KEY", "x" * (SHORTEST_KEY - 1))
    plan = RunPlan(key_env=plan.key_env, key_file=plan.key_file and tmp_path / plan.key_file)
    with raises_code("DEID-KEY"):
        run_of(Profile(), plan=plan)


def test_a_key_is_said_once_and_shown_never(monkeypatch):
    monkeypatch.setenv("DERIVE_KEY", KEY)
    with raises_code("DEID-KEY") as caught:
        secrets_of(KEY, "DERIVE_KEY")
    run = run_of(Profile(), KEY)
    assert KEY not in str(caught.value) + repr(run) + repr(run.uids) + repr(run.dates) + repr(run.subjects)


@pytest.mark.parametrize("said", ["key = 'abc'", "key_env = 1", "key_envs = 'X'"])
def test_settings_say_where_the_key_is_and_never_the_key(said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "derive.toml").write_text(f"[deidentification]\n{said}\n")
    with raises_code("CFG-KEY"):
        run_of(Profile())


def test_nobody_without_the_key_can_test_a_guess():
    """What is known of a UID, an ID and the code gives none of the results, unkeyed: by any digest that others use."""
    run = run_of(Profile(), KEY)
    made = {run.uids.new(UID), run.subjects.patient_id(instance_of())}
    guesses = set()
    for text in (UID.encode(), b"MRN1", b"patient" + b"MRN1", b"UID" + UID.encode(), b"MRN1^^^"):
        for name in ("md5", "sha1", "sha256", "sha384", "sha512"):
            for digest in (
                hashlib.new(name, text).digest(),
                hmac.digest(b"", text, name),
                hmac.digest(text, b"", name),
            ):
                for version in (3, 4, 5):
                    guesses.add(f"2.25.{uuid.UUID(bytes=digest[:16], version=version).int}")
                guesses |= {f"2.25.{int.from_bytes(digest[:16], 'big')}", digest.hex()[:16].upper()}
    assert made & guesses == set()
    assert made == {run_of(Profile(), KEY).uids.new(UID), run_of(Profile(), KEY).subjects.patient_id(instance_of())}


def test_nothing_of_one_purpose_follows_from_another():
    secrets = KeyedSecrets(KEY.encode())
    assert len({secrets.digest(purpose, b"text") for purpose in ("UID", "patient", "cryptoHash", "")}) == 4
    assert len(secrets.digest("any", b"text", "sha512")) == 64


@pytest.mark.parametrize(
    ("prefix", "key", "most", "wanted"),
    [("", b"", 50, -50), ("1", b"", 50, -1), ("1.2.3", b"123", 50, -20), ("A", b"B", 100, 39)],
)
def test_the_shift_of_microsoft_is_computed_as_theirs(prefix, key, most, wanted):
    """Worked out by hand: o = (o * 131 + byte) mod (2 R + 1) over the bytes of prefix and key, less R."""
    assert microsoft_days(prefix, key, most) == wanted
