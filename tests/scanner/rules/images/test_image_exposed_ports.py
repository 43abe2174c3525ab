import pytest
from msgspec import UNSET

from scanner.model import Unread
from scanner.rules.images.image_exposed_ports import Parameters, check, rebuild
from tests.recorded import context, image

DEFAULT = Parameters()


def wrong(*ports, parameters=DEFAULT):
    found = check(image("right", exposed_ports=ports), context(), parameters)
    return [flaw.sub_object for flaw in found]


@pytest.mark.parametrize("name", ["wrong", "wrong_old"])
def test_privileged_and_administrative_ports_fail_each_for_itself(name):
    found = check(image(name), context(), DEFAULT)
    assert [flaw.sub_object for flaw in found] == ["22/tcp", "636/tcp"]


@pytest.mark.parametrize("name", ["right", "right_old", "scratch"])
def test_allowed_ports_high_ones_and_none_pass(name):
    assert not list(check(image(name), context(), DEFAULT))


def test_1023_is_privileged_and_1024_is_not():
    assert wrong("1023/tcp", "1024/tcp", "1023/udp") == ["1023/tcp", "1023/udp"]


def test_remote_administration_fails_above_1023_over_tcp_only():
    assert wrong("3389/tcp", "3389/udp") == ["3389/tcp"]


def test_a_range_fails_by_any_of_its_ports():
    assert wrong("1020-1025/tcp", "2000-2003/tcp") == ["1020-1025/tcp"]


def test_a_policy_may_allow_a_port_and_forbid_another():
    parameters = Parameters(allowed=(22,), remote_administration=(8080,))
    assert wrong("22/tcp", "80/tcp", "8080/tcp", parameters=parameters) == ["80/tcp", "8080/tcp"]


def test_more_than_the_policy_allows_fails_as_a_whole():
    eleven = tuple(f"{port}/tcp" for port in range(8000, 8011))
    assert wrong(*eleven) == [""]
    assert wrong("8000-8010/tcp") == [""]
    assert wrong(*eleven[:10]) == []
    assert wrong(*eleven, parameters=Parameters(most=0)) == []


def test_what_is_no_port_is_unknown_after_what_fails():
    found = check(image("right", exposed_ports=("22/tcp", "$PORT/tcp")), context(), DEFAULT)
    assert next(found).sub_object == "22/tcp"
    with pytest.raises(Unread, match=r"\$PORT/tcp"):
        next(found)


def test_what_was_not_read_is_unknown():
    with pytest.raises(Unread):
        list(check(image("right", exposed_ports=UNSET), context(), DEFAULT))


def test_the_fix_leaves_administration_out_and_moves_the_others_up():
    lines = list(rebuild(image("wrong")))
    assert lines == ["-EXPOSE 22/tcp", "-EXPOSE 636/tcp", "+EXPOSE 8636/tcp"]
