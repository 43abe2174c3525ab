"""Containers for the rules of the family isolation."""

from tests.recorded import HERE, Case

POD = (
    "--label=io.kubernetes.pod.namespace=shop",
    "--label=io.kubernetes.pod.name=web-5d9c7b6f48-abcde",
)
PROJECT = "--label=com.docker.compose.project=shop"

CASES = {
    "isolation_plain": Case(),
    "isolation_running": Case(run=True),
    "isolation_service": Case((PROJECT, "--label=com.docker.compose.service=web")),
    "privileged": Case(("--privileged",)),
    "privileged_dropping_all": Case(("--privileged", "--cap-drop=ALL")),
    "privileged_with_label": Case(("--privileged", "--security-opt=label=disable")),
    "apparmor_unconfined": Case(("--security-opt=apparmor=unconfined",)),
    "apparmor_unconfined_colon": Case(("--security-opt=apparmor:unconfined",)),
    "apparmor_own": Case(("--security-opt=apparmor=shop-web",)),
    "label_disabled": Case(("--security-opt=label=disable",)),
    "label_disabled_colon": Case(
        ("--security-opt=label:level:s0:c1", "--security-opt=label:disable")
    ),
    "label_level": Case(("--security-opt=label=level:TopSecret",)),
    "cap_add_bare": Case(("--cap-add=SYS_ADMIN",)),
    "cap_add_prefixed": Case(("--cap-add=CAP_NET_ADMIN", "--cap-add=cap_ipc_lock")),
    "cap_add_lower": Case(("--cap-add=sys_module", "--cap-add=chown")),
    "cap_add_all": Case(("--cap-add=all",)),
    "cap_drop_all": Case(("--cap-drop=all",)),
    "cap_drop_all_add_one": Case(("--cap-drop=ALL", "--cap-add=CAP_NET_BIND_SERVICE")),
    "cap_drop_all_add_all": Case(("--cap-drop=ALL", "--cap-add=ALL")),
    "cap_drop_some": Case(
        tuple(
            f"--cap-drop={name}"
            for name in ("audit_write", "CAP_MKNOD", "net_raw", "SETFCAP", "SYS_CHROOT")
        )
    ),
    "nnp_bare": Case(("--security-opt=no-new-privileges",)),
    "nnp_true": Case(("--security-opt=no-new-privileges=true",)),
    "nnp_true_colon": Case(("--security-opt=no-new-privileges:true",)),
    "nnp_one": Case(("--security-opt=no-new-privileges=1",)),
    "nnp_false": Case(("--security-opt=no-new-privileges=false",)),
    "nnp_false_colon": Case(("--security-opt=no-new-privileges:false",)),
    "nnp_among_others": Case(
        (
            "--security-opt=apparmor=docker-default",
            "--security-opt=label=level:s0",
            "--security-opt=no-new-privileges:true",
        )
    ),
    "nnp_true_then_false": Case(
        ("--security-opt=no-new-privileges", "--security-opt=no-new-privileges=false")
    ),
    "seccomp_unconfined": Case(("--security-opt=seccomp=unconfined",)),
    "seccomp_unconfined_colon": Case(("--security-opt=seccomp:unconfined",)),
    "seccomp_allow": Case((f"--security-opt=seccomp={HERE}/seccomp/allow.json",)),
    "seccomp_log": Case((f"--security-opt=seccomp={HERE}/seccomp/log.json",)),
    "seccomp_refuse": Case((f"--security-opt=seccomp={HERE}/seccomp/refuse.json",)),
    "ulimits_both": Case(("--ulimit=nofile=1024:4096", "--ulimit=nproc=512:1024")),
    "ulimits_one": Case(("--ulimit=nofile=1024:1048576",)),
    "ulimits_endless": Case(("--ulimit=nofile=-1:-1", "--ulimit=nproc=512")),
    "pid_host": Case(("--pid=host",)),
    "pid_joins_host": Case(("--pid=container:pid_host",)),
    "pid_joins_joined": Case(("--pid=container:pid_joins_host",)),
    "pid_joins_other": Case(("--pid=container:isolation_plain",)),
    "pid_joins_service": Case(
        (
            "--pid=container:isolation_service",
            PROJECT,
            "--label=com.docker.compose.service=watcher",
        )
    ),
    "pod_pause": Case((*POD, "--label=io.kubernetes.container.name=POD", "--ipc=shareable")),
    "pod_web": Case(
        (
            *POD,
            "--label=io.kubernetes.container.name=web",
            "--pid=container:pod_pause",
            "--ipc=container:pod_pause",
        )
    ),
    "ipc_host": Case(("--ipc=host",)),
    "ipc_joins_host": Case(("--ipc=container:ipc_host",)),
    "ipc_shareable": Case(("--ipc=shareable",)),
    "ipc_joins_shareable": Case(("--ipc=container:ipc_shareable",)),
    "uts_host": Case(("--uts=host",)),
    "userns_host": Case(("--userns=host",)),
    "cgroupns_host": Case(("--cgroupns=host",)),
    "cgroupns_private": Case(("--cgroupns=private",)),
    "cgroup_parent": Case(("--cgroupns=private", "--cgroup-parent=/reports/daily")),
}
