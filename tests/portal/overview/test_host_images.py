"""The images of a host: what they are, who uses them, and what is wrong with them."""

from datetime import timedelta

import pytest
from django.test import Client
from msgspec.structs import replace

from portal.fleet.models import Host
from scanner.model import Image
from tests.fleet import NOW, named, register, scan
from tests.portal.compliance.pages import BUDGET, links, number, queries, text_of, total
from tests.recorded import image

pytestmark = pytest.mark.django_db
ADDRESS = "/hosts/web-1/?tab=images"
WRONG, RIGHT = image("wrong"), image("right")
DANGLING = Image(id="sha256:" + 64 * "7", size=1024)


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django.utils.timezone.now", lambda: NOW + timedelta(hours=1))


@pytest.fixture
def host() -> Host:
    host = register("web-1")
    users = [named("isolation_plain", name, image_id=WRONG.id) for name in ("web", "api")]
    again = replace(RIGHT, tags=("shop/web:1", "shop/web:2"))
    scan(host, *users, images=(WRONG, again, DANGLING), taken_at=NOW.isoformat())
    return host


def test_each_image_with_its_age_size_and_users(as_charlie: Client, host: Host) -> None:
    said = text_of(as_charlie.get(ADDRESS))
    assert "3 images at the last scan" in said
    assert "1 with a name that no container uses, 1 without a name or a container" in said
    assert "recorded/wrong:1" in said
    assert f"{WRONG.id.removeprefix('sha256:')[:12]}" in said
    assert "2 containers" in said
    assert "shop/web:1" in said
    assert "also shop/web:2" in said
    assert (
        said.index("recorded/wrong:1") < said.index("shop/web:1") < said.index("without a name 7")
    )


def test_every_number_leads_to_a_list_of_that_length(as_charlie: Client, host: Host) -> None:
    found = [link for link in links(as_charlie.get(ADDRESS), "family=images") if link[1]]
    assert len(found) == 8
    assert {number(text) for _, text in found} != {0}
    for address, text in found:
        assert total(as_charlie.get(address)) == number(text), address


def test_images_that_were_not_listed_are_not_said_to_be_none(as_charlie: Client) -> None:
    host = register("web-1")
    assert "this host has not been read yet" in text_of(as_charlie.get(ADDRESS))
    scan(host, named("isolation_plain", "web"), images=None)
    said = text_of(as_charlie.get(ADDRESS))
    assert "The engine did not list its images at the last scan." in said


def test_an_engine_without_images_says_so(as_charlie: Client) -> None:
    scan(register("web-1"), images=())
    assert "No images" in text_of(as_charlie.get(ADDRESS))


def test_a_date_that_means_nothing_is_none(as_charlie: Client) -> None:
    scan(register("web-1"), images=(replace(RIGHT, created="1970-01-01T00:00:00Z"),))
    assert "no date" in text_of(as_charlie.get(ADDRESS))


@pytest.mark.parametrize("count", [1, 60])
def test_it_asks_the_database_as_seldom_for_many(as_charlie: Client, count: int) -> None:
    images = tuple(
        replace(RIGHT, id=f"sha256:{number:064}", tags=(f"app:{number}",))
        for number in range(count)
    )
    scan(register("web-1"), named("isolation_plain", "web"), images=images)
    assert queries(as_charlie, ADDRESS) <= BUDGET
