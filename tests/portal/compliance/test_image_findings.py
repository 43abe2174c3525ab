"""Findings about images: in the list, on their page, on the rule's page, and from scan to scan."""

from datetime import timedelta

import pytest
from django.test import Client

from portal.compliance.models import Result, State, state_of
from portal.fleet.models import Host
from tests.fleet import NOW, named, register, scan
from tests.portal.compliance.pages import BUDGET, queries, text_of, total
from tests.recorded import image

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(days=1)
WRONG, OLD, RIGHT = image("wrong"), image("wrong_old"), image("right")


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django.utils.timezone.now", lambda: LATER)


@pytest.fixture
def host() -> Host:
    host = register("prod-web-1")
    web = named("isolation_plain", "web", image=WRONG.name, image_id=WRONG.id)
    scan(host, web, images=(WRONG, OLD, RIGHT), taken_at=NOW.isoformat())
    return host


def one(rule: str, **fields: str) -> Result:
    return Result.objects.get(rule=rule, subject=WRONG.name, **fields)


def test_the_list_names_the_image_and_finds_it(as_alice: Client, host: Host) -> None:
    answer = as_alice.get("/findings/?family=images&rule=image-user")
    assert "image recorded/wrong:1" in text_of(answer)
    found = Result.objects.filter(open=True, subject=WRONG.name).count()
    search = "/findings/?family=images&q=image:recorded/wrong:1"
    assert total(as_alice.get(search)) == found > 5


def test_the_page_shows_evidence_and_a_dockerfile_from_the_image(
    as_alice: Client, host: Host
) -> None:
    said = text_of(as_alice.get(f"/findings/{one('image-user').pk}/"))
    assert "Image recorded/wrong:1 on prod-web-1" in said
    assert "Filled in with what recorded/wrong:1 was last seen to have." in said
    assert "FROM recorded/wrong:1" in said
    assert "USER 1000:1000" in said
    assert "Build this on top of the image" in said
    command = "docker image inspect --format '{{json .Config.User}}' recorded/wrong:1"
    assert command in said


def test_what_a_child_image_cannot_mend_is_a_change_of_its_own_dockerfile(
    as_alice: Client, host: Host
) -> None:
    found = one("image-add-instruction", sub_object="ADD app.conf /etc/app.conf")
    said = text_of(as_alice.get(f"/findings/{found.pk}/"))
    assert "was: ADD app.conf /etc/app.conf" in said
    assert "now: COPY app.conf /etc/app.conf" in said
    assert "an image built on top of it keeps the flaw" in said
    assert "docker history --no-trunc recorded/wrong:1" in said


def test_a_secret_is_told_by_name_alone(as_alice: Client, host: Host) -> None:
    answer = as_alice.get(f"/findings/{one('image-secrets', sub_object='NPM_TOKEN').pk}/")
    assert "ARG NPM_TOKEN" in text_of(answer)
    assert "for-the-tests-only" not in answer.content.decode()


def test_an_image_that_is_not_there_any_more_leaves_an_example(
    as_alice: Client, host: Host
) -> None:
    scan(host, images=(RIGHT,), taken_at=LATER.isoformat(), now=LATER)
    found = one("image-user")
    assert state_of(found) == State.GONE
    said = text_of(as_alice.get(f"/findings/{found.pk}/"))
    assert "the image is not there any more" in said
    assert "An example: the image's own values are not known." in said


def test_images_that_were_not_listed_are_not_gone(host: Host) -> None:
    scan(host, images=None, now=LATER)
    results = Result.objects.filter(subject_kind="image")
    assert results
    for found in results.filter(first_failed_at__isnull=False):
        assert found.open
        assert found.verdict == "unknown"
    scan(host, images=(WRONG, OLD, RIGHT), taken_at=LATER.isoformat(), now=LATER)
    assert one("image-user").times_opened == 1


def test_the_rule_page_lists_images_and_fills_the_advice_in(as_alice: Client, host: Host) -> None:
    said = text_of(as_alice.get("/rules/image-user/"))
    assert "recorded/wrong:1" in said
    assert "Filled in with what recorded/wrong:1 on prod-web-1 was last seen to have." in said
    other = Result.objects.get(rule="image-user", subject=OLD.name)
    said = text_of(as_alice.get(f"/rules/image-user/?for={other.pk}"))
    assert "FROM recorded/wrong_old:1" in said


def test_an_image_that_fails_twice_stands_once_among_the_choices(
    as_alice: Client, host: Host
) -> None:
    page = as_alice.get("/rules/image-add-instruction/").content.decode()
    assert page.count("recorded/wrong:1 on prod-web-1</option>") == 1


def test_without_one_that_fails_it_is_an_example(as_alice: Client) -> None:
    scan(register("prod-web-1"), images=(RIGHT,), taken_at=NOW.isoformat())
    said = text_of(as_alice.get("/rules/image-user/"))
    assert "No image of this scope fails, so this is an example." in said
    assert "FROM registry.example/app:1.0" in said


@pytest.mark.parametrize("address", ["/rules/image-add-instruction/", "/findings/{}/"])
def test_the_budget_holds(as_alice: Client, host: Host, address: str) -> None:
    number = one("image-user").pk
    assert queries(as_alice, address.format(number)) <= BUDGET
