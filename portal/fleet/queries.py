"""What is known about hosts, without changing it."""

import zlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import msgspec
from django.db.models import (
    Case,
    CharField,
    Count,
    DurationField,
    ExpressionWrapper,
    F,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    Value,
    When,
)
from django.db.models.functions import Coalesce, Least

from portal.core.errors import NotFound
from portal.fleet import credentials as keys
from portal.fleet import stored
from portal.fleet.models import (
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
)
from scanner import Container as SeenContainer
from scanner import PartialContainer, Snapshot
from scanner.transport.credentials import Credentials

_HOSTS_AT_ONCE = 200
_CONTAINERS_AT_ONCE = 5000


class Scope(NamedTuple):
    """The part of the fleet that a page is about, as its query string says; "" is all of it."""

    environment: str = ""
    group: str = ""
    owner: str = ""

    @classmethod
    def of(cls, query: Mapping[str, Any]) -> "Scope":
        """Values that name nothing simply match nothing; they are never an error."""
        return cls(*(str(query.get(name, ""))[:100].replace("\0", "") for name in cls._fields))

    @property
    def parameters(self) -> dict[str, str]:
        """What a link has to carry so that the next page shows the same scope."""
        return {name: value for name, value in self._asdict().items() if value}

    def condition(self, host: str = "") -> Q:
        """A filter; `host` is the way to the host, such as "host__", from another model."""
        found = Q()
        if self.environment:
            found &= Q(**{f"{host}group__environment": self.environment})
        if self.group:
            found &= Q(**{f"{host}group__name": self.group})
        if self.owner:
            found &= Q(**{f"{host}group__owner": self.owner})
        return found


class ScopeChoices(NamedTuple):
    """What the scope bar offers: (value, label) pairs."""

    environments: list[tuple[str, str]]
    groups: list[tuple[str, str]]
    owners: list[tuple[str, str]]


def scope_choices() -> ScopeChoices:
    groups = list(Group.objects.order_by("name"))
    used = {group.environment for group in groups}
    return ScopeChoices(
        [choice for choice in Environment.choices if choice[0] in used],
        [(group.name, group.name) for group in groups],
        [(owner, owner) for owner in sorted({group.owner for group in groups if group.owner})],
    )


EVERYTHING = Scope()


def hosts(scope: Scope = EVERYTHING) -> QuerySet[Host]:
    return Host.objects.filter(scope.condition()).select_related("group")


class Extent(NamedTuple):
    """How much of the fleet a scope holds, and how much there is."""

    hosts: int
    containers: int
    all_hosts: int


def extent(scope: Scope) -> Extent:
    inside = Count("id", filter=scope.condition())
    containers = Sum("containers_total", filter=scope.condition())
    found = Host.objects.aggregate(all_hosts=Count("id"), hosts=inside, containers=containers)
    return Extent(found["hosts"], found["containers"] or 0, found["all_hosts"])


def host(slug: str) -> Host:
    """With `ends`, as `with_ends` tells it. Raises NotFound."""
    found: Host | None = with_ends(Host.objects.filter(slug=slug)).select_related("group").first()
    if found is None:
        raise NotFound("There is no host of this name. It may have been removed.")
    return found


def holds(scope: Scope, host: Host) -> bool:
    group = host.group
    return all(
        not wanted or wanted == found
        for wanted, found in zip(scope, (group.environment, group.name, group.owner), strict=True)
    )


def state(host: Host, now: datetime) -> str:
    """The state to show: the stored one, or "stale" where the last success is too long ago."""
    late = timedelta(seconds=2 * host.scan_interval)
    if host.state in (HostState.OK, HostState.PARTIAL) and now - _last(host) > late:
        return "stale"
    return host.state


def _last(host: Host) -> datetime:
    return host.last_success_at or host.created_at


def with_state(found: QuerySet[Host], now: datetime) -> "QuerySet[Any]":
    """Each with `shown`, which is what `state` gives: to filter, order and count by."""
    wait = ExpressionWrapper(
        F("scan_interval") * Value(timedelta(seconds=2)), output_field=DurationField()
    )
    return found.alias(wait=wait, last=Coalesce("last_success_at", "created_at")).annotate(
        shown=Case(
            When(
                state__in=(HostState.OK, HostState.PARTIAL),
                last__lt=Value(now) - F("wait"),
                then=Value("stale"),
            ),
            default=F("state"),
            output_field=CharField(),
        )
    )


def coverage(scope: Scope, now: datetime) -> dict[str, int]:
    """How many hosts are in each state, "stale" included; every state is a key."""
    found = with_state(hosts(scope).order_by(), now).values_list("shown").annotate(Count("id"))
    return dict.fromkeys([*HostState.values, "stale"], 0) | dict(found)


def containers(host: Host) -> QuerySet[Container]:
    """Those that were there at the last scan."""
    return Container.objects.filter(host=host, gone_at=None).order_by("name")


def groups() -> QuerySet[Group]:
    return Group.objects.order_by("name")


def registered_as(url: str) -> Host | None:
    """The host with this address, in its canonical spelling."""
    return Host.objects.filter(url=url).first()


def credentials(host_id: int) -> Credentials:
    """What a host is reached with; None where it needs none. The only way out of the table, and
    never for a page. Raises Undecipherable."""
    found = Credential.objects.filter(host_id=host_id).select_related("host").first()
    if found is None:
        return None
    what = f"The {found.get_kind_display()} credentials of {found.host.name}"
    return keys.opened(found.kind, found.body, what=what)


def credential(host: Host) -> Credential | None:
    """For pages, without the secret itself."""
    found = Credential.objects.filter(host=host).select_related("set_by").defer("body")
    return found.first()


SOON = timedelta(days=30)
"""So long before a certificate ends it is pointed out."""


def with_ends(found: QuerySet[Host]) -> "QuerySet[Any]":
    """Each with `ends`: when the first certificate ends that the way to it needs, ours or the
    engine's; None where there is none."""
    own = Credential.objects.filter(host=OuterRef("pk"))
    first = Least("expires_at", "engine_expires_at")  # the one that is there, where one is missing
    return found.annotate(ends=Subquery(own.values(first=first)[:1]))


class Called(NamedTuple):
    """One call of a reading; `after` is seconds since its first."""

    method: str
    path: str
    status: int
    milliseconds: int
    bytes: int
    after: float

    @property
    def name(self) -> str:
        """In one line: of a command, what it says about itself."""
        first, _, more = self.path.strip().partition("\n")
        return first.removeprefix("# ") if more else self.path

    @property
    def whole(self) -> str:
        """The command word for word, where `name` is not all of it."""
        return self.path if self.name != self.path else ""


def readings(host: Host, limit: int = 20) -> list[Ledger]:
    """The last attempts to read a host, the newest first, without their calls."""
    return list(Ledger.objects.filter(host=host).defer("body").order_by("-id")[:limit])


def reading(host: Host, number: str) -> Ledger | None:
    """The one of this number, or the newest one where there is none."""
    found = Ledger.objects.filter(host=host)
    wanted = found.filter(id=int(number)) if _is_number(number) else found.none()
    return wanted.first() or found.order_by("-id").first()


def calls(reading: Ledger) -> list[Called]:
    """Every call, in the order in which they were made. Raises nothing for what is damaged: the
    list is then empty, and shorter than `reading.calls` says."""
    try:
        return msgspec.json.decode(zlib.decompress(bytes(reading.body)), type=list[Called])
    except (zlib.error, msgspec.MsgspecError):
        return []


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 19


def same_engine(engine_id: str) -> list[Host]:
    """Hosts whose engine told this ID. Cloned machines share one, so this is only a hint."""
    return list(Host.objects.filter(engine__id=engine_id)) if engine_id else []


def stored_snapshots(found: "QuerySet[Host]") -> Iterator[tuple[Host, Snapshot | None]]:
    """What the last scan of each saw, by the hosts' ids, without touching them: judged by the same
    policy it gives the same verdicts. None where what is stored cannot be understood; a host that
    was never read is left out. Two queries, and never more in memory than a part of the fleet.
    """
    read = found.filter(surroundings__isnull=False).order_by("id")
    rows = (
        Container.objects.filter(host__in=read.order_by().values("id"), gone_at=None)
        .order_by("host_id")
        .values_list("host_id", "engine_id", "name", "config__body", "state")
        .iterator(chunk_size=_CONTAINERS_AT_ONCE)
    )
    row = next(rows, None)
    for host in read.select_related("surroundings", "group").iterator(chunk_size=_HOSTS_AT_ONCE):
        its: list[tuple[Any, ...]] = []
        while row is not None and row[0] <= host.pk:
            if row[0] == host.pk:
                its.append(row[1:])
            row = next(rows, None)
        yield host, _snapshot(host, its)


def stored_snapshot(host: Host) -> Snapshot | None:
    """What the last scan of the host saw; None where it was never read, or cannot be understood."""
    found = next(stored_snapshots(Host.objects.filter(id=host.pk)), None)
    return found[1] if found else None


def surroundings(host: Host) -> Snapshot | None:
    """What the last scan of the host saw beside its containers; None as in `stored_snapshot`."""
    return _snapshot(host, ())


def _snapshot(host: Host, rows: Iterable[tuple[Any, ...]]) -> Snapshot | None:
    if host.surroundings is None:
        return None
    try:
        containers = [
            stored.container(engine_id, name, zlib.decompress(config), bytes(state))
            for engine_id, name, config, state in rows
        ]
        surrounding = zlib.decompress(host.surroundings.body)
        return stored.snapshot(host.engine, surrounding, containers, host.taken_at)
    except (zlib.error, msgspec.MsgspecError):
        return None


def configuration(container: Container) -> SeenContainer | None:
    """The container's configuration as it was last seen, without what belongs to its state; None
    where it cannot be understood. Its ConfigVersion is best selected with it."""
    try:
        facts = msgspec.json.decode(zlib.decompress(bytes(container.config.body)))
        named = {**facts, "id": container.engine_id, "name": container.name}
        return msgspec.convert(named, PartialContainer)
    except (zlib.error, msgspec.MsgspecError, TypeError):
        return None


MOST_VERSIONS = 100


def container(container_id: int) -> Container:
    """With its host, the host's group and surroundings, and its configuration. Raises NotFound."""
    at_hand = ("host__group", "host__surroundings", "config")
    found = Container.objects.filter(id=min(container_id, 2**63 - 1)).select_related(*at_hand)
    one = found.first()
    if one is None:
        raise NotFound("There is no such container. It may have been removed with its host.")
    return one


def versions(container: Container) -> list[ContainerVersion]:
    """What the container was, the newest first, at most MOST_VERSIONS, without the
    configurations themselves. One that is gone says so in its newest."""
    found = ContainerVersion.objects.filter(container=container).order_by("-at", "-id")
    return list(found[:MOST_VERSIONS])


def documents(digests: Iterable[Any]) -> list[dict[str, Any] | None]:
    """Stored configurations as plain values, in the order in which they are asked for; None for
    what is not there or cannot be understood. One query."""
    wanted = [bytes(digest) for digest in digests]
    rows = ConfigVersion.objects.filter(digest__in=wanted).values_list("digest", "body")
    bodies = {bytes(digest): bytes(body) for digest, body in rows}
    return [_document(bodies.get(digest, b"")) for digest in wanted]


def document(container: Container) -> dict[str, Any] | None:
    """The configuration and the state that the last scan saw, as plain values; None where it
    cannot be understood."""
    config = _document(bytes(container.config.body))
    try:
        state = msgspec.json.decode(bytes(container.state), type=dict[str, Any])
    except msgspec.MsgspecError:
        return None
    return None if config is None else config | state


def _document(body: bytes) -> dict[str, Any] | None:
    try:
        return msgspec.json.decode(zlib.decompress(body), type=dict[str, Any])
    except (zlib.error, msgspec.MsgspecError):
        return None


def decoded(version: ConfigVersion) -> dict[str, Any] | None:
    """The document itself; None where it cannot be understood."""
    return _document(bytes(version.body))


def host_versions(host: Host, limit: int) -> list[HostVersion]:
    """What the engine and its surroundings were, the newest first."""
    found = HostVersion.objects.filter(host=host).select_related("engine", "surroundings")
    return list(found.order_by("-at", "-id")[:limit])
