"""The commands that read a machine: constants, so that a key may be limited to exactly these.

Plain POSIX shell with what GNU and busybox tools have in common. They open files for reading, list
them, and write nothing. Each prints records of four fields, every field ended by a zero byte: what
it is, its name, how it went ("read", "absent", "denied" or "odd"), and what was read. The last
record is "end"; where it is missing, the answer was cut. The first line of each says what it is
for.
"""

FILE_LIMIT = 256 * 1024
"""The most bytes that are read of one text file."""
PATHS_LIMIT = 100
"""How many paths are followed of those that a daemon's flags and configuration file name."""
DAEMONS_LIMIT = 16

SYSCTLS = (
    *("fs/protected_fifos", "fs/protected_hardlinks", "fs/protected_regular"),
    *("fs/protected_symlinks", "fs/suid_dumpable"),
    *("kernel/dmesg_restrict", "kernel/kptr_restrict", "kernel/perf_event_paranoid"),
    *("kernel/randomize_va_space", "kernel/unprivileged_bpf_disabled", "kernel/yama/ptrace_scope"),
    *("net/core/bpf_jit_harden", "net/ipv4/conf/all/accept_redirects"),
    *("net/ipv4/conf/all/accept_source_route", "net/ipv4/conf/all/rp_filter"),
    *("net/ipv4/tcp_syncookies", "net/ipv6/conf/all/accept_redirects"),
    "vm/unprivileged_userfaultfd",
)

FILES = (
    *("/etc/docker", "/etc/default/docker", "/etc/sysconfig/docker", "/etc/conf.d/docker"),
    *("/etc/containerd/config.toml", "/etc/docker/certs.d"),
    *("/run/docker.pid", "/run/docker.sock", "/var/run/docker.sock"),
    *("/run/containerd", "/run/containerd/containerd.sock"),
    *("/run/docker/containerd/containerd.sock", "/var/lib/docker"),
    *("/usr/bin/dockerd", "/usr/sbin/dockerd", "/usr/bin/docker"),
    *("/usr/bin/containerd", "/usr/bin/containerd-shim"),
    *("/usr/bin/containerd-shim-runc-v1", "/usr/bin/containerd-shim-runc-v2", "/usr/bin/runc"),
    "/usr/sbin/runc",
)

_TOOLS = r"""
LC_ALL=C
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
export LC_ALL PATH
begin() { printf '%s\0%s\0%s\0' "$1" "$2" "$3"; }
value() { begin "$1" "$2" read; printf '%s\0' "$3"; }
trouble() {
    case $(stat -L -- "$1" 2>&1 > /dev/null) in
        *"ermission denied"*) echo denied ;;
        *"o such file"* | *"ot a directory"*) echo absent ;;
        "") if [ -f "$1" ]; then echo denied; else echo odd; fi ;;
        *) echo odd ;;
    esac
}
text() {
    if [ -f "$2" ] && (: < "$2") 2> /dev/null; then
        begin "$1" "$2" read
        head -c FILE_LIMIT -- "$2" 2> /dev/null | tr -d '\000'
    else
        begin "$1" "$2" "$(trouble "$2")"
    fi
    printf '\0'
}
group() {
    found=$(getent group "$1" 2> /dev/null | head -n 1)
    [ -n "$found" ] || found=$(grep "^[^:]*:[^:]*:$1:" /etc/group | head -n 1)
    begin group "$1" read
    printf '%s\n' "$found"
    cut -d: -f1,4 /etc/passwd | sed -n "s/:$1\$//p" | head -n 1000
    printf '\0'
}
look() {
    if found=$(stat -L -c '%f %u %g %Y %U:%G' -- "$1" 2> /dev/null); then
        begin file "$1" read
        printf '%s\n' "$found"
        readlink -f -- "$1" | head -c 4096
        printf '\0'
        if [ -S "$1" ]; then group "$(stat -L -c %g -- "$1")"; fi
    else
        begin file "$1" "$(trouble "$1")"
        printf '\0'
    fi
}
""".replace("FILE_LIMIT", str(FILE_LIMIT + 1))

SYSTEM = (
    "# plimsoll reads the kernel's settings, mounts and audit rules"
    + _TOOLS
    + r"""
value user "" "$(id -un 2> /dev/null) $(id -u)"
value kernel "" "$(uname -sr)"
text release /etc/os-release
for key in SYSCTLS; do text sysctl "/proc/sys/$key"; done
text modules /sys/kernel/security/lsm
begin mounts /proc/self/mountinfo read
awk '{ for (i = 7; i < NF; i++) if ($i == "-") { print $3, $4, $5, $(i + 1); break } }' \
    /proc/self/mountinfo | grep -v -E ' (nsfs|proc|sysfs|cgroup2?|mqueue|devpts)$' \
    | head -c FILE_LIMIT
printf '\0'
if command -v auditctl > /dev/null; then
    if rules=$(auditctl -l 2> /dev/null); then
        begin audit loaded read
        printf '%s' "$rules" | head -c FILE_LIMIT
        printf '\0'
        value audit status "$(auditctl -s 2> /dev/null | sed -n 's/^enabled  *//p')"
    else
        begin audit loaded denied
        printf '\0'
    fi
else
    begin audit loaded absent
    printf '\0'
fi
text audit /etc/audit/audit.rules
seen=0
for path in /etc/audit/rules.d/*.rules; do
    seen=$((seen + 1))
    [ "$seen" -le PATHS_LIMIT ] || break
    text audit "$path"
done
value end "" ""
""".replace("SYSCTLS", " ".join(SYSCTLS))
    .replace("FILE_LIMIT", str(FILE_LIMIT + 1))
    .replace("PATHS_LIMIT", str(PATHS_LIMIT))
)

ENGINE = (
    "# plimsoll reads the engine's settings and who may change its files"
    + _TOOLS
    + r"""
words() { tr '\000' '\n' 2> /dev/null < "/proc/$1/cmdline" | head -c FILE_LIMIT; }
some() { seen=0; for path; do
    seen=$((seen + 1))
    [ "$seen" -le PATHS_LIMIT ] || break
    look "$path"
done; }
units() {
    for place; do
        for unit in "$name" "${name%.service}.socket"; do
            look "$place/$unit"
            some "$place/$unit.d"/*.conf
        done
    done
}
variable() {
    tr '\000' '\n' 2> /dev/null < "/proc/$1/environ" | sed -n "s/^$2=//p" | head -n 1
}
daemon() {
    uid=$(sed -n 's/^Uid:[^0-9]*[0-9]*[^0-9]*\([0-9]*\).*/\1/p' "/proc/$1/status" 2> /dev/null)
    [ -n "$uid" ] || return 0
    home=$(variable "$1" HOME)
    [ -n "$home" ] || home=$( (getent passwd "$uid" || grep "^[^:]*:[^:]*:$uid:" /etc/passwd) \
        2> /dev/null | head -n 1 | cut -d: -f6)
    name=$(sed -n 's|.*/\([^/]*docker[^/]*\.service\)$|\1|p' "/proc/$1/cgroup" | head -n 1)
    [ -n "$name" ] || name=docker.service
    if [ "$uid" = 0 ]; then
        folder=/etc/docker runtime=/run data=/var/lib/docker
        units /etc/systemd/system /run/systemd/system /usr/local/lib/systemd/system \
            /usr/lib/systemd/system /lib/systemd/system
    else
        folder=$(variable "$1" XDG_CONFIG_HOME) runtime=$(variable "$1" XDG_RUNTIME_DIR)
        folder=${folder:-$home/.config}/docker
        runtime=${runtime:-/run/user/$uid}
        data=$(variable "$1" XDG_DATA_HOME)
        data=${data:-$home/.local/share}/docker
        units "${folder%/docker}/systemd/user" /etc/systemd/user /usr/lib/systemd/user
        some "$folder" "$runtime/docker.sock" "$runtime/docker.pid" "$data" \
            "$runtime/docker/containerd/containerd.sock"
    fi
    some "$folder/certs.d"/*/*
    some "$home/.docker/ca.pem" "$home/.docker/cert.pem" "$home/.docker/key.pem"
    config=$(words "$1" | sed -n -e 's/^--config-file=//p' -e '/^--config-file$/{n;p;}' |
        head -n 1)
    config=${config:-$folder/daemon.json}
    begin words "$1" read
    head -c FILE_LIMIT "/proc/$1/cmdline" 2> /dev/null | tr '\000' '\036'
    printf '\0'
    value user "$1" "$uid"
    value home "$1" "$home"
    value unit "$1" "$name"
    value folder "$1" "$folder"
    value runtime "$1" "$runtime"
    value data "$1" "$data"
    value settings "$1" "$config"
    begin nesting "$1" read
    grep '^NSpid:' "/proc/$1/status"
    printf '\0'
    case $config in
        /*)
            look "$config"
            text content "$config"
            ;;
    esac
    {
        words "$1"
        [ ! -f "$config" ] || grep -o '"\(unix://\)\{0,1\}/[^"]*"' -- "$config" | tr -d '"'
    } 2> /dev/null | sed -n -e 's|unix://||' -e 's|^-H=\{0,1\}||' \
        -e 's|^\([^/:]*=\)\{0,1\}\(/.*\)|\2|p' | head -n PATHS_LIMIT |
        while IFS= read -r path; do look "$path"; done
}
begin nesting self read
grep '^NSpid:' /proc/self/status
printf '\0'
some FILES
count=0
for comm in /proc/[0-9]*/comm; do
    program=
    read -r program 2> /dev/null < "$comm" || continue
    [ "$program" = dockerd ] || continue
    count=$((count + 1))
    [ "$count" -le DAEMONS_LIMIT ] || break
    pid=${comm#/proc/}
    daemon "${pid%/comm}"
done
value end "" ""
""".replace("FILES", " ".join(FILES))
    .replace("FILE_LIMIT", str(FILE_LIMIT))
    .replace("PATHS_LIMIT", str(PATHS_LIMIT))
    .replace("DAEMONS_LIMIT", str(DAEMONS_LIMIT))
)

COMMANDS = (SYSTEM, ENGINE)
"""All that is ever run on a host."""
