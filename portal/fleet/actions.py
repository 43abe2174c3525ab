"""What can happen to hosts. Whoever reads one reports here what was seen."""

import hashlib
import platform
import zlib
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import msgspec
from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils.text import slugify

from portal.accounts.models import User
from portal.accounts.rights import Right, require
from portal.core import audit
from portal.core.errors import Conflict, DomainError, NotFound
from portal.fleet import queries, stored
from portal.fleet.models import ConfigVersion, Container, Environment, Group, Host, HostState
from scanner import Container as SeenContainer
from scanner import EngineError, Probe, Snapshot, Unread, canonical, probe

RETRY_SECONDS = 60
DEFAULT_GROUP = "Default"
_DENIED = {"denied", "socket_denied"}


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
    name = _name(name, "group")
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
    group: Group | NewGroup | None = None,
    scan_now: bool = True,
    actor: User | None,
    now: datetime,
) -> Host:
    """Registers it; with `scan_now` its first scan is due at once, else after one interval."""
    require(actor, Right.MANAGE_HOSTS)
    name, url = _name(name, "host"), _address(url)
    _refuse_taken(name, url, besides=None)
    interval = settings.SCAN_INTERVAL_SECONDS
    try:
        with transaction.atomic():
            host = Host.objects.create(
                name=name,
                slug=_slug(name),
                url=url,
                group=_group(group, actor=actor, now=now),
                created_at=now,
                scan_interval=interval,
                next_scan_at=now if scan_now else now + timedelta(seconds=interval),
            )
    except IntegrityError as error:  # somebody registered the same between the look and here
        raise Conflict(f"A host named {name} has just been registered.") from error
    audit.record(actor, "fleet.add_host", host, now=now, address=url)
    return host


@transaction.atomic
def edit_host(
    host_id: int,
    *,
    name: str,
    url: str,
    group: Group | NewGroup,
    actor: User | None,
    now: datetime,
) -> Host:
    """The page's address (slug) stays when the name changes: links to it were given out."""
    require(actor, Right.MANAGE_HOSTS)
    host = _locked(host_id)
    name, url = _name(name, "host"), _address(url)
    _refuse_taken(name, url, besides=host)
    before = {"name": host.name, "address": host.url, "group": host.group_id}
    if host.url != url:
        host.next_scan_at = now
    host.name, host.url, host.group = name, url, _group(group, actor=actor, now=now)
    try:
        with transaction.atomic():
            host.save(update_fields=["name", "url", "group", "next_scan_at"])
    except IntegrityError as error:
        raise Conflict(f"A host named {name} has just been registered.") from error
    after = {"name": name, "address": url, "group": host.group_id}
    audit.record(actor, "fleet.edit_host", host, now=now, before=before, after=after)
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


def try_connection(url: str, *, actor: User | None) -> Probe:
    """Tries it now and saves nothing. Takes up to ten seconds where every step is slow."""
    require(actor, Right.MANAGE_HOSTS)
    return probe(url, timeout=min(settings.ENGINE_TIMEOUT_SECONDS, 5))


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


def remember_success(host: Host, snapshot: Snapshot, *, seconds: float, now: datetime) -> None:
    """Keeps what a scan saw of the engine and its containers. `host` is locked by the caller."""
    _remember_containers(host, snapshot.containers, now)
    host.state = HostState.PARTIAL if snapshot.gaps else HostState.OK
    host.diagnosis_kind = host.diagnosis = host.advice = ""
    host.failed_attempts = 0
    host.last_attempt_at = host.last_success_at = now
    host.last_scan_seconds = seconds
    host.engine = msgspec.to_builtins(snapshot.host)
    host.taken_at = snapshot.taken_at
    _remember_surroundings(host, snapshot)
    host.containers_total = len(snapshot.containers)
    host.containers_running = sum(container.known_to_run for container in snapshot.containers)
    host.save()


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


def _remember_containers(host: Host, seen: Iterable[SeenContainer], now: datetime) -> None:
    standing = {found.name: found for found in Container.objects.filter(host=host)}
    written, bodies, names = [], {}, set()
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
            old = Container(host=host, name=name, first_seen_at=now, **values, changed_at=now)
        elif any(_plain(getattr(old, field)) != value for field, value in values.items()):
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


def _remember_surroundings(host: Host, snapshot: Snapshot) -> None:
    body = stored.surroundings(snapshot)
    digest = hashlib.sha256(body).digest()
    if _plain(host.surroundings_id) != digest:
        version = ConfigVersion(digest, zlib.compress(body))
        ConfigVersion.objects.bulk_create([version], ignore_conflicts=True)
        host.surroundings_id = digest


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


def _name(name: str, what: str) -> str:
    name = " ".join(name.split())
    if not name or len(name) > 100 or not name.isprintable():
        raise DomainError(f"A {what}'s name has 1 to 100 printable characters.")
    return name


def _address(url: str) -> str:
    try:
        return canonical(url)
    except EngineError as error:
        raise DomainError(f"{error.message} {error.advice}") from error


def _refuse_taken(name: str, url: str, *, besides: Host | None) -> None:
    others = Host.objects.exclude(id=besides.pk) if besides else Host.objects.all()
    if others.filter(name__iexact=name).exists():
        raise Conflict(f"There is already a host named {name}.")
    if found := others.filter(url=url).first():
        raise Conflict(f"{url} is already registered as {found.name}.")


def _slug(name: str) -> str:
    base = slugify(name)[:100] or "host"
    base = f"host-{base}" if base == "new" else base
    taken = set(Host.objects.filter(slug__startswith=base).values_list("slug", flat=True))
    names = (base if number == 1 else f"{base}-{number}" for number in range(1, len(taken) + 2))
    return next(name for name in names if name not in taken)
