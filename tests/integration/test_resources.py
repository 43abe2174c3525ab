"""What of the rules of the family resources only a real engine shows."""

import pytest

from scanner.collect import collect
from scanner.engine import Engine
from scanner.evaluate import evaluate
from scanner.rule import Verdict
from scanner.rules import BY_SLUG
from tests.support.engines import EngineFailed

pytestmark = pytest.mark.engine


def judged(engine, *slugs):
    """{(container, rule): {sub-object: verdict}}"""
    with Engine(engine.url) as client:
        snapshot = collect(client, processes=False)
    found = {}
    for result in evaluate(snapshot, rules=[BY_SLUG[slug] for slug in slugs]):
        units = found.setdefault((result.subject.name, result.rule), {})
        units[result.sub_object] = result.verdict
    return found


def test_a_volume_made_beforehand_that_binds_a_host_path_is_a_host_mount(empty_engine):
    options = ("--opt=type=none", "--opt=o=bind")
    for name, path in (("settings", "/etc"), ("runtime", "/var/run"), ("plain", "")):
        bind = (*options, f"--opt=device={path}") if path else ()
        empty_engine.cli("volume", "create", *bind, name)
    # Nothing in the container's own document says what these volumes are.
    empty_engine.docker_run("--volume=settings:/data", name="settings")
    empty_engine.docker_run("--volume=runtime:/data:ro", name="runtime", create_only=True)
    empty_engine.docker_run("--volume=plain:/etc", name="plain", create_only=True)
    found = judged(empty_engine, "sensitive-host-mount", "engine-socket-mount")
    empty_engine.remove_containers()
    empty_engine.cli("volume", "rm", "settings", "runtime", "plain")
    failed, passed = Verdict.FAIL, {"": Verdict.PASS}
    assert found["settings", "sensitive-host-mount"] == {"/etc": failed}
    assert found["settings", "engine-socket-mount"] == passed
    assert found["runtime", "sensitive-host-mount"] == {"/run": failed}
    assert found["runtime", "engine-socket-mount"] == {"/run": failed}
    assert found["plain", "sensitive-host-mount"] == passed


def test_an_unnamed_volume_that_others_took_over_is_shared(empty_engine):
    empty_engine.docker_run("--volume=/data", name="owner", create_only=True)
    empty_engine.docker_run("--volumes-from=owner:ro", name="reader", create_only=True)
    assert judged(empty_engine, "shared-writable-volume") == {
        ("owner", "shared-writable-volume"): {"/data": Verdict.FAIL},
        ("reader", "shared-writable-volume"): {"": Verdict.PASS},
    }


def test_a_device_that_runs_in_a_container_is_seen_however_it_came_there(empty_engine):
    empty_engine.docker_run("--device=/dev/zero:/dev/nothing:r", name="harmless")
    empty_engine.docker_run("--device=/dev/full:/dev/full", "--volume=/dev:/host", name="mounted")
    empty_engine.docker_run("--device-cgroup-rule=c 1:3 r", name="by-rule")
    assert judged(empty_engine, "host-devices") == {
        ("harmless", "host-devices"): {"": Verdict.PASS},
        ("mounted", "host-devices"): {"/dev": Verdict.FAIL},
        ("by-rule", "host-devices"): {"c 1:3 r": Verdict.FAIL},
    }


def test_a_quota_has_no_meaning_exactly_where_the_engine_refuses_one(empty_engine):
    empty_engine.docker_run(name="unbounded", create_only=True)
    [(_, units)] = judged(empty_engine, "storage-quota").items()
    refused = ""
    try:
        empty_engine.docker_run("--storage-opt=size=10G", name="bounded", create_only=True)
    except EngineFailed as refusal:
        refused = str(refusal)
    if refused:
        assert "storage-opt" in refused
        assert units in ({"": Verdict.NOT_APPLICABLE}, {"": Verdict.UNKNOWN})
    else:
        assert units in ({"": Verdict.FAIL}, {"": Verdict.UNKNOWN})
        found = judged(empty_engine, "storage-quota")
        assert found["bounded", "storage-quota"] == {"": Verdict.PASS}


def test_an_engine_that_copies_all_and_keeps_its_data_elsewhere(fresh_engine, tmp_path):
    root = tmp_path / "engine"
    moved = fresh_engine("moved", daemon_config={"storage-driver": "vfs", "data-root": str(root)})
    moved.docker_run("--volume=own:/own", f"--volume={tmp_path}/other:/other", name="harmless")
    moved.docker_run(f"--volume={root}/volumes:/volumes:ro", name="curious")
    found = judged(moved, "cow-storage-driver", "sensitive-host-mount", "storage-quota")
    assert found["moved", "cow-storage-driver"] == {"": Verdict.FAIL}
    assert found["harmless", "sensitive-host-mount"] == {"": Verdict.PASS}
    assert found["curious", "sensitive-host-mount"] == {f"{root}/volumes": Verdict.FAIL}
    assert found["harmless", "storage-quota"] == {"": Verdict.NOT_APPLICABLE}
