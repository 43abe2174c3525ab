"""One container: what it is allowed to do, what is wrong with it, and what it was before."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple
from urllib.parse import urlencode

from portal.compliance.models import Change as Step
from portal.compliance.models import Result, Transition
from portal.compliance.queries import causes
from portal.compliance.queries.findings import Line, line, title
from portal.core import display
from portal.fleet import differences, queries
from portal.fleet.differences import Difference, Setting
from portal.fleet.models import Change, Container, ContainerVersion
from portal.policies.queries import catalogue
from scanner import Snapshot
from scanner.model import Image, Unread

POSTURE = ("isolation", "resources", "network", "lifecycle")
_ORDER = ("fail", "unknown", "pass", "not_applicable")
_FAILED_BEFORE = {
    *(Step.RESOLVED, Step.VANISHED, Step.UNJUDGED, Step.UNREADABLE, Step.READABLE),
}
_FAILS_AFTER = {Step.OPENED, Step.REOPENED, Step.UNREADABLE, Step.READABLE}
MOST_FINDINGS = 200
MOST_STEPS = 2000
MOST_RAW = 100_000
_DRIFT = ("user", "entrypoint", "command", "working_directory", "environment", "exposed_ports")


class Judged(NamedTuple):
    """A setting with the worst verdict of the rules that it decides, "" where no rule asks for it;
    `findings` are those of them that fail, or else are unknown."""

    setting: Setting
    verdict: str
    findings: list[Result]


class Effect(NamedTuple):
    """A rule that fails since, or does no more; `why` is a word for whose doing that is."""

    finding: int
    title: str
    sub_object: str
    fails: bool
    gone: bool
    severity: int
    why: str


class Comparison(NamedTuple):
    """Two versions, the older first. `settings` are by group; None where one of the two cannot be
    understood any more, or is that of a container that was gone."""

    old: ContainerVersion
    new: ContainerVersion
    settings: list[tuple[str, list[Difference]]] | None
    effects: list[Effect]

    @property
    def fail_now(self) -> int:
        return sum(effect.fails for effect in self.effects)

    @property
    def gone_now(self) -> int:
        return sum(effect.gone for effect in self.effects)

    @property
    def pass_now(self) -> int:
        return len(self.effects) - self.fail_now - self.gone_now


class About(NamedTuple):
    """Verdicts are those of its workload: replicas are judged together, by the names in
    `replicas`. Of one that is gone none stands."""

    container: Container
    replicas: list[str]
    counts: Mapping[str, int]
    posture: list[tuple[str, list[Judged]]]
    findings: list[Line]
    versions: list[ContainerVersion]
    labels: Mapping[str, str]
    digest: str
    started_at: datetime | None
    raw: str
    drift: list[Difference] | None
    """From its image; None where the image was not read."""

    @property
    def query(self) -> str:
        """For the list of findings: those that are counted here."""
        names = self.replicas or [self.container.name]
        return urlencode({"host": self.container.host.slug, "container": names}, doseq=True)

    @property
    def project(self) -> str:
        """Of Compose, with the service; "" for what Compose did not make."""
        names = (self.labels.get(f"com.docker.compose.{part}") for part in ("project", "service"))
        return " / ".join(filter(None, names))

    @property
    def recreated_at(self) -> datetime | None:
        """When it was last made anew under its name, as far as versions are kept."""
        made = (Change.RECREATED, Change.RETURNED)
        return next((each.at for each in self.versions if each.change in made), None)


def about(container: Container) -> About:
    """Three queries, however many findings and versions; `container` as fleet.queries gives it."""
    document = queries.document(container) or {}
    host = container.host
    standing = Result.objects.filter(
        host=host, subject_kind="container", workload=container.workload, gone_at=None
    ).select_related("host__group")
    together = queries.containers(host).filter(workload=container.workload)
    replicas: list[str] = []
    results: list[Result] = []
    if container.gone_at is None:
        replicas = list(together.values_list("name", flat=True))
        results = list(standing.order_by("-severity", "rule", "sub_object"))
    image = _image(queries.surroundings(host), str(document.get("image_id", "")))
    labels = document.get("labels")
    return About(
        container,
        replicas,
        Counter(result.verdict for result in results),
        _posture(document, results),
        [line(result) for result in results if result.open][:MOST_FINDINGS],
        queries.versions(container),
        labels if isinstance(labels, dict) else {},
        _digest(image, document),
        _started(document.get("started_at")),
        _raw(container, document),
        None if image is None else _drift(image, document),
    )


def _posture(
    document: Mapping[str, Any], results: Sequence[Result]
) -> list[tuple[str, list[Judged]]]:
    deciding: dict[str, list[Result]] = {}
    for result in results:
        for fact in _facts(result):
            deciding.setdefault(fact, []).append(result)
    groups: dict[str, list[Judged]] = {group: [] for group in POSTURE}
    for setting in differences.settings(document):
        if setting.group in groups:
            found = deciding.get(setting.fact, [])
            verdict = min((each.verdict for each in found), key=_ORDER.index, default="")
            told = verdict if verdict in ("fail", "unknown") else None
            worst = [each for each in found if each.verdict == told]
            groups[setting.group].append(Judged(setting, verdict, worst[:5]))
    return [(differences.GROUPS[group], settings) for group, settings in groups.items()]


def _facts(result: Result) -> set[str]:
    """Those that decided, else those that its rule reads."""
    if result.evidence:
        return {str(row.get("fact", "")) for row in result.evidence}
    rule = catalogue().get(result.rule)
    return set(rule.reads) if rule else set()


def compare(about: About, old: str, new: str) -> Comparison | None:
    """Two of the versions by their numbers, by default the newest and the one before; None where
    there are not two to compare. Two queries."""
    versions = about.versions
    if len(versions) < 2:
        return None
    by_number = {str(version.pk): version for version in versions}
    later = by_number.get(new, versions[0])
    earlier = by_number.get(old, versions[1] if later == versions[0] else versions[0])
    places = {version.pk: place for place, version in enumerate(versions)}
    earlier, later = sorted((earlier, later), key=lambda each: -places[each.pk])
    before, after = queries.documents([earlier.config_id, later.config_id])
    gone = Change.VANISHED in (earlier.change, later.change)
    settings = None
    if before is not None and after is not None and not gone:
        settings = _grouped(differences.differences(before, after))
    return Comparison(earlier, later, settings, _effects(about.container, earlier, later))


def _grouped(found: Iterable[Difference]) -> list[tuple[str, list[Difference]]]:
    groups: dict[str, list[Difference]] = {}
    for each in found:
        groups.setdefault(differences.GROUPS[each.after.group], []).append(each)
    return list(groups.items())


def _effects(container: Container, old: ContainerVersion, new: ContainerVersion) -> list[Effect]:
    """Which findings came and went between them, the worst first."""
    steps = (
        Transition.objects.filter(
            host_id=new.host_id,
            at__gt=old.at,
            at__lte=new.at,
            result__subject_kind="container",
            result__workload=container.workload,
        )
        .select_related("result")
        .order_by("at", "id")
    )
    found: dict[int, list[Transition]] = {}
    for step in steps[:MOST_STEPS]:
        found.setdefault(step.result_id, []).append(step)
    effects = []
    for theirs in found.values():
        failed, fails = theirs[0].change in _FAILED_BEFORE, theirs[-1].change in _FAILS_AFTER
        if failed != fails:
            effects.append(_effect(theirs[-1], fails))
    return sorted(effects, key=lambda each: (not each.fails, -each.severity, each.title))


def _effect(step: Transition, fails: bool) -> Effect:
    result = step.result
    return Effect(
        result.pk,
        title(result.rule),
        result.sub_object,
        fails,
        step.change in (Step.VANISHED, Step.UNJUDGED),
        result.severity,
        causes.clause(step.cause, result.subject_kind),
    )


def _image(seen: Snapshot | None, image_id: str) -> Image | None:
    images = seen.images if seen and seen.images else ()
    return next((image for image in images if image_id and image.id == image_id), None)


def _digest(image: Image | None, document: Mapping[str, Any]) -> str:
    """The repository's, else the image's own id."""
    if image is not None and image.digests:
        return min(image.digests).rpartition("@")[2]
    return str(document.get("image_id") or "")


def _drift(image: Image, document: Mapping[str, Any]) -> list[Difference]:
    """What was set otherwise at the container's start than its image has it; only the variables
    that the image does not have, and only what both could tell."""
    of_image: dict[str, Any] = {}
    for name in _DRIFT:
        try:
            value = getattr(image, name, None)
        except Unread:
            continue
        if value is not None:
            of_image[name] = _plain(name, value)
    here = {name: _plain(name, document[name]) for name in of_image if name in document}
    there = {name: value for name, value in of_image.items() if name in here}
    return differences.differences(there, here)


def _plain(name: str, value: Any) -> Any:
    if name == "environment":
        names = (each["name"] if isinstance(each, dict) else each.name for each in value)
        return [{"name": each} for each in sorted(names)]
    return list(value) if isinstance(value, list | tuple) else value


def _raw(container: Container, document: Mapping[str, Any]) -> str:
    named = {"id": container.engine_id, "name": container.name, **document}
    text = json.dumps(named, indent=2, ensure_ascii=False, sort_keys=True)
    if len(text) <= MOST_RAW:
        return text
    return f"{text[:MOST_RAW]}\n… {display.integer(len(text) - MOST_RAW)} characters more"


def _started(told: Any) -> datetime | None:
    """None for what never started, which engines tell as the year 1."""
    try:
        found = datetime.fromisoformat(str(told))
    except ValueError:
        return None
    found = found if found.tzinfo else found.replace(tzinfo=UTC)
    return found if found.year > 1970 else None
