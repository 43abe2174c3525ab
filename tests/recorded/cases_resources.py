"""Containers for the rules of the family resources."""

from tests.recorded import Case

CASES = {
    "resources_plain": Case(),
    "memory_bounded": Case(("--memory=64m", "--memory-swap=96m")),
    "memory_default_swap": Case(("--memory=64m",)),
    "memory_no_swap": Case(("--memory=64m", "--memory-swap=64m")),
    "memory_endless_swap": Case(("--memory=64m", "--memory-swap=-1")),
    "memory_reserved": Case(("--memory-reservation=1g",)),
    "memory_zero": Case(("--memory=0", "--memory-swap=-1")),
    "cpu_shares": Case(("--cpu-shares=512",)),
    "cpu_shares_default": Case(("--cpu-shares=1024",)),
    "cpu_nano": Case(("--cpus=0.5",)),
    "cpu_quota": Case(("--cpu-quota=50000",)),
    "cpu_quota_endless": Case(("--cpu-quota=-1",)),
    "cpu_period_alone": Case(("--cpu-period=50000",)),
    "cpu_set": Case(("--cpuset-cpus=0",)),
    "pids_limit": Case(("--pids-limit=100",)),
    "pids_zero": Case(("--pids-limit=0",)),
    "pids_endless": Case(("--pids-limit=-1",)),
    "oom_kill_disabled": Case(("--oom-kill-disable", "--memory=64m")),
    "oom_score_lowered": Case(("--oom-score-adj=-500",)),
    "oom_score_raised": Case(("--oom-score-adj=500",)),
    "read_only": Case(("--read-only", "--tmpfs=/tmp")),
    "mounts_harmless": Case(
        (
            "--volume=settings:/etc",
            "--volume=/etc/localtime:/etc/localtime:ro",
            "--volume=/srv/etc:/data",
            "--volume=/etcetera:/etcetera",
            "--volume=/srv/docker-sock:/docker-sock",
            "--volume=/anonymous",
            "--tmpfs=/run",
            "--mount=type=tmpfs,target=/dev/shm",
        )
    ),
    "mounts_sensitive": Case(
        (
            "--volume=/etc:/host/etc",
            "--volume=/srv/../boot/./grub/:/host/grub:ro",
            "--volume=/var/run/dbus:/host/dbus",
            "--volume=/lib/modules:/lib/modules:ro",
            "--volume=/var/lib:/host/lib:ro",
            "--volume=/etc/timezone:/etc/timezone",
        )
    ),
    "mounts_etc_twice": Case(("--volume=/etc:/one:ro", "--volume=/etc:/two")),
    "mounts_root": Case(("--volume=/:/host:ro",)),
    "mounts_disguised": Case(
        (
            "--mount=type=volume,source=disguise,target=/data,volume-driver=local,"
            "volume-opt=type=none,volume-opt=o=bind,volume-opt=device=/etc",
        )
    ),
    "mounts_data_root": Case(("--volume=/srv/engine-data/volumes:/volumes",)),
    "socket_docker": Case(("--volume=/var/run/docker.sock:/var/run/docker.sock",)),
    "socket_docker_read_only": Case(("--volume=/run/docker.sock:/docker.sock:ro",)),
    "socket_directory": Case(("--volume=/var/run:/host/run:ro",)),
    "socket_containerd": Case(("--volume=/run/containerd/containerd.sock:/containerd.sock",)),
    "socket_crio": Case(("--volume=/var/run/crio:/crio",)),
    "socket_podman": Case(("--volume=/run/podman/podman.sock:/podman.sock",)),
    "socket_moved": Case(("--volume=/srv/rooms/docker.sock:/docker.sock",)),
    "socket_rootless": Case(("--volume=/run/user/1000:/run/user/1000",)),
    "propagation_shared": Case(("--volume=/srv/a:/a:shared", "--volume=/srv/b:/b:rshared")),
    "propagation_other": Case(
        (
            "--volume=/srv/a:/a:slave",
            "--volume=/srv/b:/b:rslave",
            "--volume=/srv/c:/c:private",
            "--volume=/srv/d:/d",
            "--volume=data:/data",
        )
    ),
    "devices_given": Case(
        ("--device=/dev/fuse", "--device=/dev/kvm:/dev/kvm:r", "--device=/dev/null")
    ),
    "devices_same_twice": Case(("--device=/dev/kvm:/dev/a:r", "--device=/dev/kvm:/dev/b:rw")),
    "devices_rules": Case(("--device-cgroup-rule=c 10:* r", "--device-cgroup-rule=b 8:* rwm")),
    "devices_gpu": Case(("--gpus=all",)),
    "devices_mounted": Case(("--volume=/dev:/dev",)),
    "devices_mounted_narrowly": Case(
        ("--volume=/dev/snd:/dev/snd:ro", "--volume=/dev/shm:/dev/shm", "--volume=/dev/log:/log")
    ),
    "shared_writer": Case(("--volume=orders:/orders", "--volume=/srv/orders:/files")),
    "shared_reader": Case(("--volume=orders:/data:ro", "--volume=/srv/orders/new:/new:ro")),
    "shared_stranger": Case(("--volume=others:/others", "--volume=/srv/orders-old:/old")),
    "shared_service": Case(
        (
            "--label=com.docker.compose.project=shop",
            "--label=com.docker.compose.service=web",
            "--volume=shop:/shop",
        )
    ),
    "shared_replica": Case(
        (
            "--label=com.docker.compose.project=shop",
            "--label=com.docker.compose.service=web",
            "--volume=shop:/shop",
        )
    ),
    "shared_other_service": Case(
        (
            "--label=com.docker.compose.project=shop",
            "--label=com.docker.compose.service=worker",
            "--volume=shop:/shop",
        )
    ),
    "shared_pod_web": Case(
        (
            "--label=io.kubernetes.pod.namespace=shop",
            "--label=io.kubernetes.pod.name=web-5d9c7b6f48-abcde",
            "--label=io.kubernetes.container.name=web",
            "--volume=/srv/pods/1/cache:/cache",
        )
    ),
    "shared_pod_log": Case(
        (
            "--label=io.kubernetes.pod.namespace=shop",
            "--label=io.kubernetes.pod.name=web-5d9c7b6f48-abcde",
            "--label=io.kubernetes.container.name=log",
            "--volume=/srv/pods/1/cache:/cache",
        )
    ),
}
