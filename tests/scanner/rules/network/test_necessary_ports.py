import pytest
from msgspec.structs import replace

from scanner.model import Image, Unread
from scanner.rules.network.necessary_ports import Parameters, change, check
from tests.recorded import container, context, without

USUAL = Parameters()


def on(*subjects, exposed=()):
    """The engine with these containers, whose images expose these ports."""
    ids = {subject.image_id for subject in subjects}
    images = tuple(Image(id_, exposed_ports=exposed, inspected=True) for id_ in ids)
    return context(*subjects, images=images)


def found(subject, parameters=USUAL, engine=None, exposed=()):
    engine = engine or on(subject, exposed=exposed)
    return [flaw.sub_object for flaw in check(subject, engine, parameters)]


def test_publish_all_fails_with_or_without_anything_to_publish():
    for name in ("publish_all_running", "publish_all_created"):
        assert found(container(name), exposed=("8080/tcp", "8081/tcp", "9000/tcp")) == [
            "--publish-all"
        ]
    assert found(replace(container("net_plain"), publish_all=True)) == ["--publish-all"]


def test_a_port_that_the_image_does_not_expose_fails():
    assert found(container("publish_declared"), exposed=("8080/tcp",)) == []
    assert found(container("publish_declared"), exposed=("8080/udp",)) == ["0.0.0.0:8088->8080/tcp"]
    assert found(container("ports_many"), exposed=("9001/tcp",)) == ["0.0.0.0:9002->9002/tcp"]


def test_the_images_own_ports_count_and_not_what_publishing_has_added():
    assert container("ports_many").exposed_ports == ("9001/tcp", "9002/tcp")
    assert len(found(container("ports_many"))) == 2


@pytest.mark.parametrize(
    "key",
    ["plimsoll/busybox", "plimsoll/*", "compose/shop", "compose/shop/web", "compose/*"],
)
def test_the_policy_lists_ports_by_image_or_group(key):
    web = container("net_service")
    assert found(web, Parameters({key: ("80",)})) == []
    assert found(web, Parameters({key: ("80/tcp", "81")})) == []
    assert found(web, Parameters({key: ("80/udp",)})) == ["0.0.0.0:8080->80/tcp"]
    assert found(web, Parameters({key: ()})) == ["0.0.0.0:8080->80/tcp"]


def test_what_the_policy_says_of_others_changes_nothing():
    assert found(container("net_service"), Parameters({"redis": ("80",)}), exposed=("80/tcp",)) == (
        []
    )
    assert found(container("net_service"), Parameters({"redis": ("80",)})) == [
        "0.0.0.0:8080->80/tcp"
    ]


def test_publish_all_of_listed_ports_passes():
    listed = Parameters({"plimsoll/app": ("8080",)})
    assert found(container("publish_all_running"), listed) == []


def test_ports_of_a_shared_network_serve_all_that_share_it():
    owner, watcher = container("net_service"), container("net_joins_service")
    images = (Image("own", exposed_ports=(), inspected=True),)
    images += (Image("its", exposed_ports=("80/tcp",), inspected=True),)
    owner, watcher = replace(owner, image_id="own"), replace(watcher, image_id="its")
    engine = context(owner, watcher, images=images)
    assert found(owner, engine=engine) == found(watcher, engine=engine) == []
    listed = Parameters({"compose/shop/watcher": ("81",)})
    assert found(owner, listed, engine) == ["0.0.0.0:8080->80/tcp"]


@pytest.mark.parametrize("name", ["net_host", "net_plain"])
def test_on_the_hosts_network_it_is_unknown(name):
    there = replace(container(name), network_mode="host", publish_all=True)
    with pytest.raises(Unread, match="every port that a program opens"):
        found(there)


def test_without_a_network_nothing_is_published():
    assert found(replace(container("net_none_publishing"), publish_all=True)) == []


def test_an_image_that_is_gone_leaves_it_unknown_unless_the_policy_lists_the_ports():
    web = container("net_service")
    with pytest.raises(Unread, match="image"):
        found(web, engine=context(web))
    assert found(web, Parameters({"compose/shop": ("80",)}), context(web)) == []


def test_a_container_without_ports_needs_no_image():
    assert found(container("net_plain"), engine=context()) == []


@pytest.mark.parametrize("fact", ["ports", "network_mode", "publish_all"])
def test_what_was_not_read_is_unknown(fact):
    with pytest.raises(Unread):
        found(without(container("net_service"), fact), exposed=("80/tcp",))


def test_the_change_passes():
    changed = change(container("publish_all_running"))
    assert found(changed, exposed=("8080/tcp",)) == []
