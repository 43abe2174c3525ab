import json

import pytest
from django.test import Client

from portal.core import health, heartbeat

pytestmark = [pytest.mark.django_db, pytest.mark.postgres, pytest.mark.redis]


@pytest.fixture(autouse=True)
def no_signs_of_life():
    with heartbeat.connect() as client:
        client.flushdb()


def test_the_process_answers_without_asking_anybody(client: Client):
    assert client.get("/healthz").content == b"ok\n"


def test_it_is_not_ready_before_the_first_signs_of_life(client: Client):
    answer = client.get("/readyz")
    assert answer.status_code == 503
    parts = json.loads(answer.content)
    assert parts["database"] == parts["broker"] == {"ok": True}
    assert parts["worker"] == parts["beat"] == {"ok": False, "problem": "no sign of life yet"}


def test_it_is_ready_when_all_parts_are(client: Client):
    with heartbeat.connect() as redis:
        for name in health.PROCESSES:
            heartbeat.beat(redis, name)
    answer = client.get("/readyz")
    assert answer.status_code == 200
    parts = json.loads(answer.content)
    assert list(parts) == ["database", "broker", "worker", "slow-worker", "beat"]
    assert 0 <= parts["worker"]["age_seconds"] < 5


def test_an_old_sign_of_life_is_none(monkeypatch: pytest.MonkeyPatch):
    with heartbeat.connect() as redis:
        heartbeat.beat(redis, "worker")
    monkeypatch.setattr(health, "LATE_SECONDS", -1)
    worker = health.readiness()["worker"]
    assert not worker["ok"]
    assert worker["problem"] == "no sign of life lately"


def test_a_broker_that_is_away_is_named_and_hides_the_rest(settings, client: Client):
    settings.REDIS_CLIENT_URL = "unix:///nowhere/valkey.sock"
    answer = client.get("/readyz")
    assert answer.status_code == 503
    parts = json.loads(answer.content)
    assert parts["database"]["ok"]
    assert parts["broker"] == {"ok": False, "problem": "ConnectionError"}
    assert not parts["worker"]["ok"]


def test_a_change_is_refused(client: Client):
    assert client.post("/readyz").status_code == 405
