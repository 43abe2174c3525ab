import pytest
from msgspec.structs import replace

from scanner.model import Unread
from scanner.rule import Flaw, NoParameters
from scanner.rules.engine.engine_tls import check
from tests.recorded import context, host
from tests.scanner.rules.engine.hosts import PODMAN, lacking, passes, seen

NONE = NoParameters()
MORE = "Access to the remote API is equivalent to root access on the host."
PLAIN = f"WARNING: API is accessible on http://0.0.0.0:2375 without encryption.\n   {MORE}"
UNVERIFIED = "WARNING: API is accessible on https://[::]:2376 without TLS client verification."
NEWER = (
    f"[DEPRECATION NOTICE]: API is accessible on http://10.0.0.5:2375 without encryption. {MORE}"
)


def objects(known, reached):
    found = seen(check, known, NONE, reached=reached)
    return [item.sub_object for item in found if isinstance(item, Flaw)]


@pytest.mark.parametrize("reached", ["unix", "tls", "ssh"])
def test_an_engine_that_warns_of_nothing_passes_unless_reached_over_plain_tcp(reached):
    assert passes(seen(check, host(), NONE, reached=reached))
    assert objects(host(), "tcp") == [""]


def test_other_listeners_are_found_whatever_way_it_was_reached():
    known = replace(host(), warnings=(PLAIN, UNVERIFIED, "WARNING: No swap limit support"))
    found = ["http://0.0.0.0:2375", "https://[::]:2376"]
    assert objects(known, "unix") == found
    assert objects(replace(host(), warnings=(NEWER,)), "ssh") == ["http://10.0.0.5:2375"]


def test_the_listener_that_it_was_reached_by_is_said_once():
    known = replace(host(), warnings=(PLAIN, UNVERIFIED))
    assert objects(known, "tcp") == ["", "https://[::]:2376"]


def test_warnings_that_were_not_read_leave_it_unknown_but_plain_tcp_stands():
    with pytest.raises(Unread, match="Warnings"):
        seen(check, lacking("warnings"), NONE, reached="tls")
    judging = check(lacking("warnings"), context(reached="tcp"), NONE)
    assert next(judging).evidence[0].found == "plain TCP"
    with pytest.raises(Unread):
        next(judging)


def test_how_it_was_reached_must_be_known():
    with pytest.raises(Unread, match="address"):
        seen(check, host(), NONE)


def test_an_engine_too_old_to_warn_is_unknown_unless_it_does():
    old = replace(host(), api_version="1.38")
    with pytest.raises(Unread, match="old"):
        seen(check, old, NONE, reached="unix")
    assert objects(replace(old, warnings=(PLAIN,)), "unix") == ["http://0.0.0.0:2375"]


def test_podman_does_not_tell_of_other_listeners():
    with pytest.raises(Unread, match="Podman"):
        seen(check, PODMAN, NONE, reached="unix")
