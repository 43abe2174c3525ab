"""What can happen to hosts. Whoever reads one reports here what was seen."""

import hashlib
import platform
import zlib
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import msgspec
from django.conf import settings
from django.db import IntegrityError, transaction

from portal.accounts.models import User
from portal.accounts.rights import Right, require
from portal.core import audit, bulk, naming, secrets
from portal.core.errors import Conflict, DomainError, NotFound
from portal.fleet import credentials as keys
from portal.fleet import queries, stored
from portal.fleet.models import (
    Change,
    ConfigVersion,
    Container,
    ContainerVersion,
    Credential,
    Environment,
    Group,
    Host,
    HostState,
    HostVersion,
    Ledger,
    Reading,
)
from scanner import Call, EngineError, Probe, Snapshot, Unread, canonical, probe
from scanner import Container as SeenContainer
from scanner.transport import address
from scanner.transport.credentials import Credentials, Ssh, Tls

RETRY_SECONDS = 60
DEFAULT_GROUP = "Default"
_DENIED = {
    *("denied", "plugin_denied", "socket_denied", "docker_denied", "client_refused"),
    *("login_refused", "host_key_new", "host_key_changed", "credentials_lost"),
}


class Became(NamedTuple):
    """What became of a container between two scans; `image` is whether its image is another."""

    change: str
    image: bool = False


class NewGroup(NamedTuple):
    """A group that does not exist yet: it is made together with the host that belongs to it."""

    name: str
    environment: str
    owner: str


@transaction.atomic
def add_group(
    *,
    name: str,
    environment: str = Environment.PRODUCTION,
    owner: str = "",
    actor: User | None,
    now: datetime,
) -> Group:
    require(actor, Right.MANAGE_HOSTS)
    name = naming.name(name, "group")
    if Group.objects.filter(name__iexact=name).exists():
        raise Conflict(f"There is already a group {name}.")
    group = Group.objects.create(name=name, environment=environment, owner=owner.strip()[:100])
    audit.record(actor, "fleet.add_group", group, now=now, environment=environment)
    return group


def default_group(*, actor: User | None, now: datetime) -> Group:
    """The one that hosts belong to when nobody says another."""
    found = Group.objects.filter(name__iexact=DEFAULT_GROUP).first()
    return found or add_group(name=DEFAULT_GROUP, actor=actor, now=now)


@transaction.atomic
def add_host(
    *,
    name: str,
    url: str,
    credentials: Credentials = None,
    group: Group | NewGroup | None = None,
    scan_now: bool = True,
    actor: User | None,
    now: datetime,
) -> Host:
    """Registers it; with `scan_now` its first scan is due at once, else after one interval."""
    require(actor, Right.MANAGE_HOSTS)
    name, url = naming.name(name, "host"), _address(url)
    _refuse_taken(name, url, besides=None)
    _refuse_unfit(url, credentials)
    interval = settings.SCAN_INTERVAL_SECONDS
    try:
        with transaction.atomic():
            host = Host.objects.create(
                name=name,
                slug=naming.free_slug(Host, name, "host", reserved={"new"}),
                url=url,
                group=_group(group, actor=actor, now=now),
                created_at=now,
                scan_interval=interval,
                next_scan_at=now if scan_now else now + timedelta(seconds=interval),
            )
    except IntegrityError as error:  # somebody registered the same between the look and here
        raise Conflict(f"A host named {name} has just been registered.") from error
    audit.record(actor, "fleet.add_host", host, now=now, address=url)
    if credentials is not None:
        _set_credentials(host, credentials, actor=actor, now=now)
    return host


@transaction.atomic
def edit_host(
    host_id: int,
    *,
    name: str,
    url: str,
    credentials: Credentials = None,
    group: Group | NewGroup,
    actor: User | None,
    now: datetime,
) -> Host:
    """The page's address (slug) stays when the name changes: links to it were given out. Without
    new `credentials` those that it has stay, unless an address of this kind uses none."""
    require(actor, Right.MANAGE_HOSTS)
    host = _locked(host_id)
    name, url = naming.name(name, "host"), _address(url)
    _refuse_taken(name, url, besides=host)
    kept = Credential.objects.filter(host=host).first()
    if credentials is None and kept is not None and kept.kind != _kind(url):
        audit.record(actor, "fleet.forget_credentials", host, now=now, kind=kept.kind)
        kept.delete()
        kept = None
    if credentials is not None or kept is None:
        _refuse_unfit(url, credentials)
    before = {"name": host.name, "address": host.url, "group": host.group_id}
    if host.url != url or credentials is not None:
        host.next_scan_at = now
    host.name, host.url, host.group = name, url, _group(group, actor=actor, now=now)
    try:
        with transaction.atomic():
            host.save(update_fields=["name", "url", "group", "next_scan_at"])
    except IntegrityError as error:
        raise Conflict(f"A host named {name} has just been registered.") from error
    after = {"name": name, "address": url, "group": host.group_id}
    audit.record(actor, "fleet.edit_host", host, now=now, before=before, after=after)
    if credentials is not None:
        _set_credentials(host, credentials, actor=actor, now=now)
    return host


@transaction.atomic
def remove_host(host_id: int, *, typed_name: str, actor: User | None, now: datetime) -> None:
    """Removes it with its findings and history. The name is typed, so that it is no slip."""
    require(actor, Right.MANAGE_HOSTS)
    host = _locked(host_id)
    if typed_name.strip() != host.name:
        raise DomainError(f"Type the name {host.name} to remove this host.")
    audit.record(actor, "fleet.remove_host", host, now=now, address=host.url)
    host.delete()


def try_connection(url: str, credentials: Credentials = None, *, actor: User | None) -> Probe:
    """Tries it now and saves nothing. Takes up to ten seconds where every step is slow."""
    require(actor, Right.MANAGE_HOSTS)
    return probe(url, credentials, timeout=min(settings.ENGINE_TIMEOUT_SECONDS, 5))


def test_connection(host_id: int, *, actor: User | None, now: datetime) -> Probe:
    """Tries a registered host as it is, and keeps nothing of it but the calls in its ledger.
    Raises Undecipherable."""
    require(actor, Right.MANAGE_HOSTS)
    host = Host.objects.filter(id=host_id).first()
    if host is None:
        raise NotFound("There is no such host. It may have been removed.")
    tried = try_connection(host.url, queries.credentials(host_id), actor=actor)
    failed = tried.failure
    trouble = EngineError(failed.kind, failed.message, failed.next) if failed else None
    ends = tried.certificate.not_after if tried.certificate else None
    remember_calls(host_id, Reading.TEST, tried.calls, trouble, certificate_ends=ends, now=now)
    return tried


@transaction.atomic
def remember_calls(
    host_id: int,
    kind: str,
    calls: Iterable[Call],
    error: EngineError | None = None,
    *,
    certificate_ends: datetime | None = None,
    now: datetime,
) -> None:
    """Keeps what one reading of a host asked, and when the certificate ends that its engine showed;
    forgets the oldest readings beyond as many as the settings say. `now` is when the reading
    began. Nothing is kept of a host that is gone."""
    calls = list(calls)
    if not Host.objects.select_for_update(no_key=True).filter(id=host_id).exists():
        return
    began = now.timestamp()
    ended = max((call.at + call.milliseconds / 1000 for call in calls), default=began)
    first = min((call.at for call in calls), default=began)
    rows = [
        [
            call.method,
            call.path,
            call.status,
            call.milliseconds,
            call.bytes,
            round(call.at - first, 3),
        ]
        for call in calls
    ]
    Ledger.objects.create(
        host_id=host_id,
        kind=kind,
        at=now,
        seconds=max(ended - first, 0),
        calls=len(calls),
        bytes=sum(call.bytes for call in calls),
        diagnosis_kind=error.kind[:32] if error else "",
        diagnosis=error.message if error else "",
        body=zlib.compress(msgspec.json.encode(rows)),
    )
    if certificate_ends is not None:
        known = Credential.objects.filter(host_id=host_id)
        known.exclude(engine_expires_at=certificate_ends).update(engine_expires_at=certificate_ends)
    kept = Ledger.objects.filter(host_id=host_id).order_by("-id").values_list("id", flat=True)
    if oldest := list(kept[settings.LEDGER_READINGS : settings.LEDGER_READINGS + 1]):
        Ledger.objects.filter(host_id=host_id, id__lte=oldest[0]).delete()


@transaction.atomic
def rotate_credentials() -> secrets.Rotation:
    """Encrypts every host's credentials under the first key that are not yet; safe to run twice."""
    anew, current, lost = 0, 0, []
    found = Credential.objects.select_for_update(of=("self",)).select_related("host")
    for credential in found.order_by("host_id"):
        what = f"{credential.get_kind_display()} credentials of {credential.host.name}"
        try:
            fresh = secrets.rotated(credential.body, what=what)
        except secrets.Undecipherable:
            lost.append(what)
            continue
        if fresh is None:
            current += 1
            continue
        credential.body = fresh
        credential.save(update_fields=["body"])
        anew += 1
    return secrets.Rotation(anew, current, lost)


def bootstrap_host(url: str, *, now: datetime) -> Host | None:
    """Registers the host that the environment names; None where it is registered already."""
    if queries.registered_as(_address(url)) is not None:
        return None
    # The machine's own name for its own socket; a number where that is taken.
    wanted = platform.node() or "local" if "://" not in url or url.startswith("unix:") else url
    wanted = wanted.partition("://")[2] or wanted
    wanted = wanted[:90]
    taken = {name.lower() for name in Host.objects.values_list("name", flat=True)}
    names = (wanted if number == 1 else f"{wanted} {number}" for number in range(1, len(taken) + 2))
    name = next(name for name in names if name.lower() not in taken)
    return add_host(name=name, url=url, actor=None, now=now)


def remember_success(
    host: Host, snapshot: Snapshot, *, seconds: float, now: datetime
) -> dict[str, Became]:
    """Keeps what a scan saw of the engine and its containers. `host` is locked by the caller.
    Returns what became of the containers that changed, by name."""
    became = _remember_containers(host, snapshot.containers, now)
    host.state = HostState.PARTIAL if snapshot.gaps else HostState.OK
    host.diagnosis_kind = host.diagnosis = host.advice = ""
    host.failed_attempts = 0
    host.last_attempt_at = host.last_success_at = now
    host.last_scan_seconds = seconds
    host.taken_at = snapshot.taken_at
    _remember_engine(host, snapshot, now)
    host.containers_total = len(snapshot.containers)
    host.containers_running = sum(container.known_to_run for container in snapshot.containers)
    host.save()
    return became


def remember_failure(host: Host, error: EngineError, *, now: datetime) -> None:
    """What was known stays. The next attempt comes soon, then ever later, up to the interval."""
    host.failed_attempts += 1
    denied = error.kind in _DENIED
    host.state = HostState.UNAUTHORISED if denied else HostState.UNREACHABLE
    host.diagnosis_kind = error.kind[:32]
    host.diagnosis, host.advice = error.message, error.advice
    host.last_attempt_at = now
    wait = min(RETRY_SECONDS * 2 ** min(host.failed_attempts - 1, 16), host.scan_interval)
    retry = now + timedelta(seconds=wait)
    host.next_scan_at = min(host.next_scan_at or retry, retry)
    host.save()


def _remember_containers(
    host: Host, seen: Iterable[SeenContainer], now: datetime
) -> dict[str, Became]:
    standing = {found.name: found for found in Container.objects.filter(host=host)}
    written, bodies, names = [], {}, set()
    became: dict[str, Became] = {}
    for container in seen:
        name = container.name[:300]
        if name in names:
            continue  # no engine gives a name twice; one that does gets one row for it
        names.add(name)
        body, digest, state = stored.kept(container)
        values = {
            "workload": container.known_workload[:700],
            "engine_id": container.id[:128],
            "image": _known(container, "image")[:1000],
            "status": _known(container, "status")[:16],
            "config_id": digest,
            "state": state,
            "gone_at": None,
        }
        old = standing.get(name)
        if old is None:
            became[name] = Became(Change.APPEARED)
            old = Container(host=host, name=name, first_seen_at=now, **values, changed_at=now)
        elif any(_plain(getattr(old, field)) != value for field, value in values.items()):
            if change := _became(old, values):
                became[name] = change
            for field, value in values.items():
                setattr(old, field, value)
            old.changed_at = now
        else:
            continue
        bodies[digest] = body
        written.append(old)
    for name, old in standing.items():
        if name not in names and old.gone_at is None:
            old.gone_at = old.changed_at = now
            became[name] = Became(Change.VANISHED)
            written.append(old)
    versions = [ConfigVersion(digest, zlib.compress(body)) for digest, body in bodies.items()]
    ConfigVersion.objects.bulk_create(versions, ignore_conflicts=True, batch_size=500)
    Container.objects.bulk_create(
        written,
        batch_size=500,
        update_conflicts=True,
        unique_fields=["host", "name"],
        update_fields=[
            *("workload", "engine_id", "image", "status", "config", "state"),
            *("changed_at", "gone_at"),
        ],
    )
    if became:
        _remember_versions(host, [each for each in written if each.name in became], became, now)
    return became


def _remember_versions(
    host: Host, changed: Iterable[Container], became: Mapping[str, Became], now: datetime
) -> None:
    bulk.copy(
        ContainerVersion,
        ["container_id", "host_id", "at", "change", "engine_id", "image", "config_id"],
        (
            (
                *(each.pk, host.pk, now, became[each.name].change),
                *(each.engine_id, each.image, each.config_id),
            )
            for each in changed
        ),
    )


def _became(old: Container, values: Mapping[str, Any]) -> Became | None:
    """None where only its state is another."""
    image = old.image != values["image"]
    if old.gone_at is not None:
        return Became(Change.RETURNED, image)
    if old.engine_id != values["engine_id"]:
        return Became(Change.RECREATED, image)
    return Became(Change.CHANGED, image) if _plain(old.config_id) != values["config_id"] else None


def _remember_engine(host: Host, snapshot: Snapshot, now: datetime) -> None:
    """The engine and what surrounds the containers; as a version where either is another."""
    seen = msgspec.to_builtins(snapshot.host)
    engine, surroundings = stored.engine(seen), stored.surroundings(snapshot)
    digests = [hashlib.sha256(body).digest() for body in (engine, surroundings)]
    same = stored.engine(host.engine) == engine and _plain(host.surroundings_id) == digests[1]
    host.engine = seen
    if same:
        return
    bodies = zip(digests, (engine, surroundings), strict=True)
    versions = [ConfigVersion(digest, zlib.compress(body)) for digest, body in bodies]
    ConfigVersion.objects.bulk_create(versions, ignore_conflicts=True)
    host.surroundings_id = digests[1]
    HostVersion.objects.create(host=host, at=now, engine_id=digests[0], surroundings_id=digests[1])


def _plain(value: Any) -> Any:
    return bytes(value) if isinstance(value, memoryview) else value


def _known(container: SeenContainer, field: str) -> str:
    try:
        return str(getattr(container, field))
    except Unread:
        return ""


def _locked(host_id: int) -> Host:
    host = Host.objects.select_for_update().filter(id=host_id).first()
    if host is None:
        raise NotFound("There is no such host. It may have been removed.")
    return host


def _group(group: Group | NewGroup | None, *, actor: User | None, now: datetime) -> Group:
    if isinstance(group, NewGroup):
        return add_group(**group._asdict(), actor=actor, now=now)
    return group or default_group(actor=actor, now=now)


def _address(url: str) -> str:
    try:
        return canonical(url)
    except EngineError as error:
        raise DomainError(f"{error.message} {error.advice}") from error


def _kind(url: str) -> str:
    return address.parse(url).kind


def _refuse_unfit(url: str, credentials: Credentials) -> None:
    """Credentials of the wrong kind, or none where the address needs some."""
    wanted, given = keys.KINDS.get(_kind(url)), type(credentials)
    if credentials is None and wanted is not None:
        what = "a certificate and its key" if wanted is Tls else "an SSH key"
        raise DomainError(f"{url} cannot be reached without {what}.")
    if credentials is not None and given is not wanted:
        raise DomainError(f"These credentials are of no use for {url}.")


def _set_credentials(
    host: Host, credentials: Tls | Ssh, *, actor: User | None, now: datetime
) -> None:
    """Replaces those that the host has. The audit log keeps what may be shown of both."""
    facts = keys.facts(credentials)
    before = Credential.objects.filter(host=host).first()
    Credential.objects.update_or_create(
        host=host,
        defaults={
            "kind": keys.kind_of(credentials),
            "body": keys.sealed(credentials),
            "facts": facts,
            "expires_at": keys.expires_at(credentials),
            "engine_expires_at": None,
            "set_at": now,
            "set_by": actor,
        },
    )
    shown = keys.fingerprints(facts)
    replaced = keys.fingerprints(before.facts) if before else {}
    audit.record(actor, "fleet.set_credentials", host, now=now, before=replaced, after=shown)


def _refuse_taken(name: str, url: str, *, besides: Host | None) -> None:
    others = Host.objects.exclude(id=besides.pk) if besides else Host.objects.all()
    if others.filter(name__iexact=name).exists():
        raise Conflict(f"There is already a host named {name}.")
    if found := others.filter(url=url).first():
        raise Conflict(f"{url} is already registered as {found.name}.")
