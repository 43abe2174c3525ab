"""A rule's vocabulary: what a rule is made of and what it can say. Pure."""

import enum
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Generic, TypeVar

import msgspec

from scanner.context import Context
from scanner.model import Container, Host, Image, Network

S = TypeVar("S", Container, Host, Image, Network)
P = TypeVar("P", bound=msgspec.Struct)


class Severity(enum.Enum):
    """Ordered by weight: the higher, the worse."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        return _RANKS[self]


_RANKS = {Severity.LOW: 0, Severity.MEDIUM: 1, Severity.HIGH: 2, Severity.CRITICAL: 3}


class Family(enum.Enum):
    """The parts of the rule catalogue: first the report's chapter 1, in its order; `CUSTOM` is what
    people add themselves and give no other."""

    ISOLATION = "isolation"
    RESOURCES = "resources"
    NETWORK = "network"
    LIFECYCLE = "lifecycle"
    IMAGES = "images"
    ENGINE = "engine"
    SWARM = "swarm"
    HOST = "host"
    CUSTOM = "custom"

    @property
    def label(self) -> str:
        return _FAMILY_LABELS[self]


_FAMILY_LABELS = {
    Family.ISOLATION: "Kernel isolation",
    Family.RESOURCES: "Resources and storage",
    Family.NETWORK: "Network",
    Family.LIFECYCLE: "Lifecycle",
    Family.IMAGES: "Images",
    Family.ENGINE: "Engine",
    Family.SWARM: "Swarm",
    Family.HOST: "Host files and kernel",
    Family.CUSTOM: "Custom",
}


class Verdict(enum.Enum):
    PASS = "pass"  # noqa: S105 - a verdict
    FAIL = "fail"
    NOT_APPLICABLE = "not_applicable"
    UNKNOWN = "unknown"


class NotApplicable(Exception):
    """The rule has no meaning for this subject; the message says why, in one sentence."""


class Evidence(msgspec.Struct, frozen=True, gc=False):
    """One fact that decided. `fact` is the engine's own name for it, `found` a JSON value without
    secrets, `wanted` says in words what would pass."""

    fact: str
    found: Any
    wanted: str = ""


class Flaw(msgspec.Struct, frozen=True):
    """The rule fails. `sub_object` names the part that fails (a path, a capability, a port, a
    device) where a subject can fail more than once; `severity` replaces the rule's own."""

    evidence: tuple[Evidence, ...]
    sub_object: str = ""
    severity: Severity | None = None


class Shown(msgspec.Struct, frozen=True):
    """A fact worth showing with a pass."""

    evidence: tuple[Evidence, ...]


def flaw(
    fact: str, found: Any, wanted: str, *, sub_object: str = "", severity: Severity | None = None
) -> Flaw:
    """A flaw that a single fact decides."""
    return Flaw((Evidence(fact, found, wanted),), sub_object, severity)


def shown(fact: str, found: Any) -> Shown:
    return Shown((Evidence(fact, found),))


class NoParameters(msgspec.Struct, frozen=True):
    """The rule has nothing to set."""


class Fix(msgspec.Struct, frozen=True):
    """How to mend it, as data; `scanner.remedy` renders it with the container's own values.

    `change` takes the container as it is and gives it as it should be: the advice for docker run
    and Compose is the difference between the two. `bad` are flags of `docker run` that bring the
    flaw about; the advice test creates a container with them, applies `change`, creates what comes
    out, and demands fail, then pass.
    """

    summary: str
    """What to do, one or two sentences for the person who owns the container."""
    side_effects: str = ""
    """What may stop working, and how to find out."""
    change: Callable[[Container], Container] | None = None
    bad: tuple[str, ...] = ()
    bad_image: str = ""
    """An image of the tests that brings the flaw about, where flags cannot."""
    dockerfile: str = ""
    """Lines to add; of an image's rule, to a Dockerfile that is built from it."""
    bad_dockerfile: str = ""
    """Lines that bring the flaw of an image about."""
    rebuild: Callable[[Image], Iterator[str]] | None = None
    """Of an image's rule: what to change in its own Dockerfile, where a child image cannot mend
    it; lines as a diff writes them, with - or + before each."""
    daemon: Mapping[str, Any] | None = None
    """What belongs into daemon.json."""
    commands: tuple[str, ...] = ()
    """Commands for the host that no other form expresses."""


class Rule(msgspec.Struct, Generic[S, P], frozen=True, kw_only=True):
    """One thing that can be wrong. `slug` is never renamed: exceptions and history name it."""

    slug: str
    title: str
    """States what is wrong, at most 70 characters."""
    subject: type[S]
    severity: Severity
    family: Family
    report: str
    """Section of the technical report on container runtime security (IV-6), or ""."""
    cis: tuple[str, ...] = ()
    """Control numbers of the CIS Docker Benchmark 1.6.0."""
    reads: tuple[str, ...]
    """The facts that decide, by the engine's own names."""
    why: str
    """The risk, in about two sentences."""
    links: tuple[str, ...] = ()
    parameters: type[P] = NoParameters  # type: ignore[assignment]
    check: Callable[[S, Context, P], Iterator[Flaw | Shown]]
    fix: Fix
    version: int = 1

    @property
    def subject_kind(self) -> str:
        """ "container", "host", "image" or "network"."""
        return self.subject.__name__.lower()

    @property
    def needs_ssh(self) -> bool:
        """True where nothing that an engine tells decides: only what stands on its machine does."""
        return self.family is Family.HOST or all(fact.startswith("dockerd") for fact in self.reads)


class Subject(msgspec.Struct, frozen=True, gc=False):
    """What was judged. `id` is the engine's, `workload` what survives re-creation."""

    kind: str
    name: str
    id: str
    workload: str


class Result(msgspec.Struct, frozen=True):
    """One verdict. `reason` says why, where the verdict is unknown or not applicable."""

    rule: str
    subject: Subject
    sub_object: str
    verdict: Verdict
    severity: Severity
    evidence: tuple[Evidence, ...] = ()
    reason: str = ""


class Policy(msgspec.Struct, frozen=True):
    """Which rules are judged, with which parameters and severities; keys are rule slugs.

    Rules in `shadow` are judged like those that are on; whoever keeps results keeps theirs apart.
    Parameters are plain values as read from YAML or JSON; a rule with a wrong one is unknown. A
    severity holds for everything that the rule finds, also where the rule itself distinguishes.
    """

    off: frozenset[str] = frozenset()
    shadow: frozenset[str] = frozenset()
    parameters: Mapping[str, Mapping[str, Any]] = {}
    severities: Mapping[str, Severity] = {}
