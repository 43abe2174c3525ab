"""The same engine judged by docker-bench-security and by us, control by control.

    make compare-peer DOCKER_BENCH=/path/to/docker-bench-security

The script is fetched by whoever runs this and is no part of the product. Both look at an engine
that is started for it, with the containers of `tests.support.dev_engine` and those of TRAPS: it
inside the engine's host, we over that host's SSH server. Each difference names the fact that
decides; one that DIFFERENCES does not explain makes the exit status 1.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from scanner.collect import collect
from scanner.engine import Engine as Client
from scanner.evaluate import evaluate
from scanner.model import Snapshot
from scanner.rule import Result, Verdict
from scanner.rules import RULES
from tests.support.dev_engine import populate
from tests.support.engines import Engine
from tests.support.images import load_images
from tests.support.machines import first_process
from tests.support.ssh import SshServer

AGREE, DIFFER, MORE, LESS, NEITHER = "agree", "differ", "ours alone", "its alone", "neither"
"""Of a control: both say the same; they do not; only we judge it; only it does; nobody does."""
MOST_NAMED = 5
SCRIPT = "docker-bench-security.sh"

# Containers on which a look at the words of `docker inspect` goes wrong: name -> flags.
TRAPS = {
    "trap-nnp-false": "--security-opt no-new-privileges:false",
    "trap-named-volume-etc": "--volume settings:/etc/app",
    "trap-disguised-bind": (
        "--mount type=volume,source=disguise,target=/data,volume-opt=type=none,"
        "volume-opt=o=bind,volume-opt=device=/etc"
    ),
    "trap-read-only-etc": "--volume /etc:/host-etc:ro",
    "trap-parent-of-socket": "--volume /run:/host-run:ro",
    "trap-not-the-socket": "--volume /srv/docker.sock-notes:/notes",
    "trap-port-1024": "--publish 127.0.0.1:1024:80",
    "trap-on-failure-endless": "--restart on-failure",
    "trap-restart-always": "--restart always",
    "trap-cpu-quota": "--cpu-quota 50000",
    "trap-user-zero": "--user 0:0",
    "trap-security-opt-only": "--security-opt seccomp=unconfined",
    "trap-joined-network": "--network container:node-exporter",
    "trap-joined-pid": "--pid container:node-exporter",
    "trap-all-capabilities-dropped": "--cap-drop ALL --cap-add NET_BIND_SERVICE",
}
CREATED = {"trap-created-privileged": "--privileged --network host --pid host"}


class Peer(NamedTuple):
    """What the script says of one control; `items` are the names that it lists."""

    control: str
    title: str
    result: str
    items: frozenset[str]


class Ours(NamedTuple):
    """What our rules say of one control, by verdict; `failing` are names of subjects."""

    rules: tuple[str, ...]
    failing: dict[str, list[Result]]
    verdicts: frozenset[Verdict]

    @property
    def fails(self) -> bool:
        return bool(self.failing)


# Why we differ: control -> the fact that decides who is right.
DIFFERENCES = {
    "1.1.1": "a part of the root's file system that is mounted once more is a mount point, and no "
    "partition: both have one device, and fill up together",
    "2.11": "the base device's size is a setting of devicemapper, which engines have no more since "
    "25.0; cow-storage-driver names engines that still use it",
    "4.1": "it compares Config.User with root and 0; `0:0` is uid 0 too, which the process list of "
    "the engine shows",
    "4.5": "it reads DOCKER_CONTENT_TRUST in the shell that runs the script, which says nothing of "
    "the engine or of whoever else uses it",
    "4.6": "an image that has neither a name nor a container waits to be pruned: image-sprawl "
    "counts it, and the rules about how images are made leave it out",
    "4.7": "it looks for the word update; in one instruction with an install the index is never "
    "older than what is installed from it",
    "5.2": "the engine's SecurityOptions have no AppArmor, so no container can have a profile; "
    "mandatory-access-control says it once, for the host",
    "5.3": "the engine's SecurityOptions have no SELinux; and any --security-opt at all, even "
    "seccomp=unconfined, satisfies the script",
    "5.4": "it looks at added capabilities alone, where both name the same; of the 14 that every "
    "container has by default it does not ask",
    "5.6": "it wants the path to be writable and one of a few words; read-only, / and /etc give "
    "the host's files away all the same, /run has the engine's socket in it, and a volume whose "
    "options say device=/etc is /etc",
    "5.7": "in a container with the host's process IDs `docker exec ps` lists the host's own sshd; "
    "the engine's list has the container's own processes. That its image exposes port 22 is seen "
    "where nothing runs",
    "5.8": "it counts 1024, which any user may bind, as privileged; port 80 is one that the policy "
    "allows by default, and whose list can be shortened",
    "5.9": "it names whoever publishes a port; necessary-ports names those that publish what their "
    "image does not expose, or what the policy does not list",
    "5.10": "a container that joins another one on the host's network is on it too",
    "5.12": "CpuQuota is a limit as NanoCpus is",
    "5.15": "`always`, `unless-stopped` and `on-failure` without a number have a MaximumRetryCount "
    "of 0, and restart for ever; only a count above 5 is looked for",
    "5.16": "a container that joins another one with the host's process IDs has them too",
    "5.19": "any ulimit satisfies it; ours wants the two that the policy names, nofile and nproc",
    "5.22": "a privileged container runs without a filter, whatever its options say",
    "5.25": "it looks at CgroupParent alone; CgroupnsMode is host here, as it is by default on "
    "control groups of version 1",
    "5.26": "no-new-privileges:false has the words in it, and switches it off",
    "5.27": "a health check that reports unhealthy is there, and fails",
    **dict.fromkeys(
        ("7.2", "7.6", "7.8", "7.9"),
        "there is no swarm here, so nothing was passed; of a swarm no engine tells the address "
        "that it listens on, nor when its keys were last changed",
    ),
    "5.32": "it looks for the words docker.sock: a directory that holds the socket is as good as "
    "the socket, and one that is only called so is not",
}


def main(words: list[str]) -> int:
    if len(words) != 1 or not (Path(words[0]) / SCRIPT).is_file():
        print("usage: make compare-peer DOCKER_BENCH=/path/to/docker-bench-security")
        print(f"That directory has {SCRIPT} in it; it is fetched by you, and not kept here.")
        return 2
    engine = Engine.start("compare-1")
    try:
        load_images(engine)
        populate(engine)
        for name, flags in TRAPS.items():
            engine.docker_run(*flags.split(), name=name)
        for name, flags in CREATED.items():
            engine.docker_run(*flags.split(), name=name, create_only=True)
        began = time.monotonic()
        theirs = peer(Path(words[0]), engine)
        peer_seconds = time.monotonic() - began
        began = time.monotonic()
        snapshot, results = scanned(engine)
        seconds = time.monotonic() - began
    finally:
        engine.stop()
    print(f"docker-bench-security took {peer_seconds:.1f} s, our scan {seconds:.2f} s.\n")
    return report(theirs, snapshot, results)


def peer(directory: Path, engine: Engine) -> list[Peer]:
    """Runs the script where it belongs: on the engine's host, as root."""
    with tempfile.TemporaryDirectory() as place:
        copy = Path(place) / "bench"
        shutil.copytree(directory, copy, ignore=shutil.ignore_patterns(".git"))
        log = copy / "result"
        subprocess.run(
            [*inside(engine), "bash", "-c", f"cd {copy} && bash {SCRIPT} -b -l {log}"],
            env={"PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin", "HOME": str(copy)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=True,
            timeout=1800,
        )
        document = json.loads(Path(f"{log}.json").read_text())
    return [
        Peer(
            found["id"],
            found["desc"],
            found["result"],
            frozenset(map(_name, found.get("items", ()))),
        )
        for section in document["tests"]
        for found in section["results"]
    ]


def _name(item: str) -> str:
    """Of a container, without the port or path that follows, or the id that stands before; of an
    image its tag, which stands in brackets."""
    if item.startswith("[") or item.endswith("]"):
        return item.strip("[]")
    first, _, second = item.partition(":")
    return second if re.fullmatch(r"[0-9a-f]{64}", first) else first


def inside(engine: Engine) -> list[str]:
    """What to put before a command that is to run on the engine's host."""
    return ["nsenter", "--target", first_process(engine), "--mount", "--uts", "--net", "--pid"]


def scanned(engine: Engine) -> tuple[Snapshot, list[Result]]:
    """Over SSH as root, so that nothing but what is out of reach for both is unknown."""
    server = SshServer.start(engine)
    with Client(server.url("root"), server.credentials) as client:
        snapshot = collect(client)
    server.stop()
    return snapshot, evaluate(snapshot)


def ours(peer: Peer, results: Iterable[Result]) -> Ours:
    slugs = tuple(rule.slug for rule in RULES if peer.control in rule.cis)
    found = [result for result in results if result.rule in slugs]
    kind = "image" if peer.control.startswith("4.") and peer.control != "4.1" else "container"
    if peer.control[0] in "45":  # it names subjects of this kind there
        found = [r for r in found if r.subject.kind in (kind, "host")]
    if peer.control.startswith("1.1.") and " - " in peer.title:  # one file of the many of a rule
        path = peer.title.partition(" - ")[2].split(" (")[0].removeprefix("/usr/bin/")
        found = [r for r in found if not r.sub_object or r.sub_object.endswith(path)]
    failing: dict[str, list[Result]] = {}
    for result in found:
        if result.verdict is Verdict.FAIL:
            failing.setdefault(result.subject.name, []).append(result)
    return Ours(slugs, failing, frozenset(result.verdict for result in found))


def report(theirs: list[Peer], snapshot: Snapshot, results: list[Result]) -> int:
    """Prints one line for each control, and what decides where the two differ."""
    stopped = {c.name: c.status for c in snapshot.containers if not c.known_to_run}
    counts: Counter[str] = Counter()
    unexplained = []
    for found in theirs:
        mine = ours(found, results)
        how = compared(found, mine)
        counts[how] += 1
        print(f"{found.control:<8}{how:<12}{said(found):<34}{answered(mine)}")
        if how not in (DIFFER, LESS):
            continue
        extra, missing = apart(found, mine)
        for name in sorted(extra & set(stopped)):
            print(f"            only we name {name}: it is {stopped[name]}, and only what runs is")
            print("                looked at by the script; its configuration is the same")
        for line in facts(found, mine, extra - set(stopped), missing):
            print(f"            {line}")
        if extra <= set(stopped) and not missing and extra:
            continue
        if reason := DIFFERENCES.get(found.control):
            print(f"            Why: {reason}")
        else:
            unexplained.append(found.control)
            print("            Why: not explained")
    print("\n" + ", ".join(f"{amount} {how}" for how, amount in counts.most_common()))
    if unexplained:
        print(f"Not explained: {', '.join(unexplained)}")
    return 1 if unexplained else 0


def compared(found: Peer, mine: Ours) -> str:
    """Whether both name the same containers; for what lists none, whether both object."""
    judged = bool(mine.verdicts & {Verdict.PASS, Verdict.FAIL})
    listed = found.items and found.result in ("WARN", "INFO")
    if found.result in ("NOTE", "INFO") and not listed:
        return MORE if judged else NEITHER
    if not mine.rules:
        return LESS
    if listed:
        return AGREE if found.items == set(mine.failing) else DIFFER
    return AGREE if (found.result == "WARN") == mine.fails else DIFFER


def apart(found: Peer, mine: Ours) -> tuple[set[str], set[str]]:
    """The names that only we give, and those that only the script gives."""
    if not found.items and found.result == "WARN":
        return set(), {"the host"} if not mine.fails else set()
    return set(mine.failing) - found.items, set(found.items) - set(mine.failing)


def said(found: Peer) -> str:
    return f"it: {found.result}" + (f", {len(found.items)} named" if found.items else "")


def answered(mine: Ours) -> str:
    if not mine.rules:
        return "we: no rule"
    if mine.fails:
        return f"we: fail, {len(mine.failing)} named ({', '.join(mine.rules)})"
    words = sorted(verdict.value for verdict in mine.verdicts) or ["nothing to judge"]
    return f"we: {', '.join(words)} ({', '.join(mine.rules)})"


def facts(found: Peer, mine: Ours, extra: set[str], missing: set[str]) -> Iterable[str]:
    """For every subject that only one of the two names: what is known of it."""
    for name in sorted(extra)[:MOST_NAMED]:
        for result in mine.failing[name]:
            told = "; ".join(f"{fact.fact} = {fact.found!r}" for fact in result.evidence)
            yield f"only we name {name}: {result.sub_object or result.rule}: {told[:200]}"
    for name in sorted(missing)[:MOST_NAMED]:
        yield f"only it names {name}"
    for names, who in ((extra, "only we name"), (missing, "only it names")):
        if len(names) > MOST_NAMED:
            yield f"{who} {len(names) - MOST_NAMED} more like these"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
