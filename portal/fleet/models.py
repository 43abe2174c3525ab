"""Hosts, how to reach them, and what was last seen on them."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone


class Environment(models.TextChoices):
    PRODUCTION = "production", "Production"
    STAGING = "staging", "Staging"
    DEVELOPMENT = "development", "Development"


class Group(models.Model):
    """Hosts that belong together. `criticality` weighs their scores in the fleet's."""

    name = models.CharField(max_length=100, unique=True)
    environment = models.CharField(
        max_length=16, choices=Environment.choices, default=Environment.PRODUCTION
    )
    owner = models.CharField("owner team", max_length=100, blank=True)
    criticality = models.PositiveSmallIntegerField(default=1)

    class Meta:
        ordering: ClassVar = ["name"]

    def __str__(self) -> str:
        return self.name


class HostState(models.TextChoices):
    """What the last attempt to read the host gave. Staleness is asked, not stored."""

    NEW = "new", "Never scanned"
    OK = "ok", "Current"
    PARTIAL = "partial", "Partly read"
    UNREACHABLE = "unreachable", "Unreachable"
    UNAUTHORISED = "unauthorised", "Not authorised"


class Host(models.Model):
    """A registered Docker engine endpoint. It is identified by this row and nothing else: an
    engine's own ID is shared by cloned machines."""

    name = models.CharField(max_length=100, unique=True)
    slug = models.SlugField(max_length=110, unique=True)
    url = models.CharField("address", max_length=1000)
    group = models.ForeignKey(Group, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)

    scan_interval = models.PositiveIntegerField(help_text="Seconds between two scheduled scans.")
    next_scan_at = models.DateTimeField(null=True, db_index=True)

    state = models.CharField(max_length=16, choices=HostState.choices, default=HostState.NEW)
    diagnosis_kind = models.CharField(max_length=32, blank=True)
    diagnosis = models.TextField(blank=True)
    advice = models.TextField(blank=True)
    failed_attempts = models.PositiveIntegerField(default=0)
    last_attempt_at = models.DateTimeField(null=True)
    last_success_at = models.DateTimeField(null=True)
    last_scan_seconds = models.FloatField(null=True)

    engine = models.JSONField(default=dict, help_text="scanner.model.Host as last read.")
    surroundings = models.ForeignKey(
        "ConfigVersion", on_delete=models.PROTECT, null=True, related_name="+"
    )
    taken_at = models.CharField(
        max_length=40, blank=True, help_text="The time of the snapshot, by its own clock."
    )
    containers_total = models.PositiveIntegerField(default=0)
    containers_running = models.PositiveIntegerField(default=0)

    class Meta:
        ordering: ClassVar = ["name"]

    def __str__(self) -> str:
        return self.name


class CredentialKind(models.TextChoices):
    """The kinds of address that need credentials; the words are scanner.transport.address's."""

    TLS = "tls", "TLS"
    SSH = "ssh", "SSH"


class Credential(models.Model):
    """What a host is reached with. `body` is encrypted JSON of scanner's Tls or Ssh, and leaves
    the table only through `portal.fleet.queries.credentials`; `facts` is all that pages show.

    `expires_at` is when the first of its certificates ends, `engine_expires_at` when the one does
    that the engine showed at the last contact.
    """

    host = models.OneToOneField(Host, on_delete=models.CASCADE, related_name="+", primary_key=True)
    kind = models.CharField(max_length=8, choices=CredentialKind.choices)
    body = models.TextField()
    facts = models.JSONField(default=dict)
    expires_at = models.DateTimeField(null=True)
    engine_expires_at = models.DateTimeField(null=True)
    set_at = models.DateTimeField()
    set_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )

    def __str__(self) -> str:
        return f"{self.get_kind_display()} credentials"


class Reading(models.TextChoices):
    """What calls were made for."""

    SCAN = "scan", "Scan"
    TEST = "test", "Test"


class Ledger(models.Model):
    """Every call that one reading of a host made. `body` is zlib-compressed JSON: a list of
    [method, path, status, milliseconds, bytes, seconds since the first call]."""

    host = models.ForeignKey(Host, on_delete=models.CASCADE, related_name="+", db_index=False)
    kind = models.CharField(max_length=8, choices=Reading.choices)
    at = models.DateTimeField()
    seconds = models.FloatField(help_text="From the first call to the end of the last.")
    calls = models.PositiveIntegerField()
    bytes = models.PositiveBigIntegerField()
    diagnosis_kind = models.CharField(max_length=32, blank=True)
    diagnosis = models.TextField(blank=True)
    body = models.BinaryField()

    class Meta:
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [models.Index(fields=["host", "-id"], name="ledger_of_host")]

    def __str__(self) -> str:
        return f"{self.kind} at {self.at:%Y-%m-%d %H:%M}"


class ConfigVersion(models.Model):
    """A redacted configuration, stored once per content under its SHA-256.

    `body` is zlib-compressed JSON: of scanner.model.Container without what belongs to its state, or
    of scanner.model.Snapshot without its host, its containers and its time.
    """

    digest = models.BinaryField(max_length=32, primary_key=True)
    body = models.BinaryField()

    def __str__(self) -> str:
        return bytes(self.digest).hex()[:12]


class Container(models.Model):
    """A container as last seen. The row outlives re-creation under the same name."""

    host = models.ForeignKey(Host, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=300)
    workload = models.CharField(max_length=700)
    engine_id = models.CharField(max_length=128)
    image = models.CharField(max_length=1000, blank=True)
    status = models.CharField(max_length=16, blank=True)
    config = models.ForeignKey(ConfigVersion, on_delete=models.PROTECT, related_name="+")
    state = models.BinaryField(
        default=b"{}", help_text="JSON of what scanner.model.Container has beside its config."
    )
    first_seen_at = models.DateTimeField()
    changed_at = models.DateTimeField()
    gone_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["host_id", "name"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["host", "name"], name="container_once_per_host"),
        ]

    def __str__(self) -> str:
        return self.name


class Change(models.TextChoices):
    """What became of a container, from one version to the next."""

    APPEARED = "appeared", "Appeared"
    CHANGED = "changed", "Changed"
    RECREATED = "recreated", "Recreated"
    VANISHED = "vanished", "Removed"
    RETURNED = "returned", "Came back"


class ContainerVersion(models.Model):
    """What a container was from `at` on, until its next row. Append-only, one row for each change
    of its configuration, its image or its engine's id; the last row of one that is gone says so.
    """

    container = models.ForeignKey(
        Container, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    host = models.ForeignKey(Host, on_delete=models.CASCADE, related_name="+", db_index=False)
    at = models.DateTimeField()
    change = models.CharField(max_length=16, choices=Change.choices)
    engine_id = models.CharField(max_length=128)
    image = models.CharField(max_length=1000, blank=True)
    config = models.ForeignKey(ConfigVersion, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering: ClassVar = ["-at", "-id"]
        indexes: ClassVar = [
            models.Index(fields=["container", "-at"], name="versions_of_container"),
            models.Index(fields=["host", "-at"], name="container_versions_of_host"),
            models.Index(fields=["at"], name="container_versions_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.change} at {self.at:%Y-%m-%d %H:%M}"


class HostVersion(models.Model):
    """What an engine and what surrounds its containers were from `at` on, until the host's next
    row. Append-only, one row for each change."""

    host = models.ForeignKey(Host, on_delete=models.CASCADE, related_name="+", db_index=False)
    at = models.DateTimeField()
    engine = models.ForeignKey(ConfigVersion, on_delete=models.PROTECT, related_name="+")
    surroundings = models.ForeignKey(ConfigVersion, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering: ClassVar = ["-at", "-id"]
        indexes: ClassVar = [models.Index(fields=["host", "-at"], name="versions_of_host")]

    def __str__(self) -> str:
        return f"at {self.at:%Y-%m-%d %H:%M}"
