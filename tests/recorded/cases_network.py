"""Containers for the rules of the family network."""

from tests.recorded import Case

PROJECT = "--label=com.docker.compose.project=shop"
POD = "--label=io.kubernetes.pod.name=web-5d9c7b6f48-abcde"
IN_POD = "--network=container:net_pod_pause"

# Networks that cases name, with flags of `docker network create`.
NETWORKS = {
    "shop": (),
    "shop_local": ("--opt=com.docker.network.bridge.host_binding_ipv4=127.0.0.1",),
    "lan": ("--driver=macvlan", "--opt=parent=docker0"),
    "fabric": ("--driver=overlay", "--attachable"),
    "fabric_secret": ("--driver=overlay", "--attachable", "--opt=encrypted"),
}

CASES = {
    "net_plain": Case(),
    "net_running": Case(run=True),
    "net_bridge": Case(("--network=bridge",)),
    "net_host": Case(("--network=host",)),
    "net_joins_host": Case(("--network=container:net_host",)),
    "net_joins_joined": Case(("--network=container:net_joins_host",)),
    "net_none": Case(("--network=none",)),
    "net_none_publishing": Case(("--network=none", "--publish=22:22")),
    "net_own": Case(("--network=shop",), run=True),
    "net_both": Case(("--network=shop",), run=True, then=("network connect bridge net_both",)),
    "net_macvlan": Case(("--network=lan",)),
    "net_overlay": Case(("--network=fabric",)),
    "net_service": Case(
        (PROJECT, "--label=com.docker.compose.service=web", "--publish=8080:80"), run=True
    ),
    "net_joins_service": Case(
        (
            PROJECT,
            "--label=com.docker.compose.service=watcher",
            "--network=container:net_service",
        )
    ),
    "net_pod_pause": Case((POD, "--label=io.kubernetes.container.name=POD", "--network=none")),
    "net_pod_web": Case((POD, "--label=io.kubernetes.container.name=web", IN_POD)),
    "net_pod_host_pause": Case((POD, "--network=host")),
    "net_pod_host_web": Case((POD, "--network=container:net_pod_host_pause")),
    "ports_created": Case(
        (
            "--publish=22:22",
            "--publish=80:80",
            "--publish=443:443/udp",
            "--publish=127.0.0.1:1023:1023",
            "--publish=[::1]:1024:1024",
            "--publish=53:53/udp",
            "--publish=5900:5900",
            "--publish=8080",
            "--publish=[::]:8082:82",
        )
    ),
    "ports_running": Case(
        (
            "--publish=22:22",
            "--publish=8080",
            "--publish=127.0.0.1::8081",
            "--publish=8090-8095:90",
        ),
        run=True,
    ),
    "ports_local": Case(("--publish=127.0.0.1:8083:83", "--publish=[::1]:8084:84"), run=True),
    "ports_range": Case(("--publish=1020-1030:80", "--publish=80-90:81", "--publish=2370-2380:82")),
    "ports_many": Case(("--publish=9001-9002:9001-9002",)),
    "ports_by_network": Case(("--network=shop_local", "--publish=8086:86")),
    "publish_all_created": Case(
        ("--publish-all", "--publish=127.0.0.1::8081", "--publish=9000"), image="plimsoll/app:1"
    ),
    "publish_all_running": Case(("--publish-all",), image="plimsoll/app:1", run=True),
    "publish_declared": Case(("--publish=8088:8080",), image="plimsoll/app:1"),
    "login_image": Case(image="plimsoll/sshd:1", command=()),
    "login_running": Case(image="plimsoll/sshd:1", command=(), run=True),
    "login_exposed": Case(("--expose=23", "--publish=2222:22")),
    "login_shell": Case(command=("sh", "-c", "/usr/sbin/dropbear -F & exec sleep 100000")),
    "login_lookalike": Case(command=("sshd-exporter", "--listen=:9100", "sshd")),
}
