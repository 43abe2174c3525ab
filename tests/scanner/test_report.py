"""What the command line prints, on recorded containers. tests/integration runs it for real."""

import io
import json

from msgspec.structs import replace
from rich.console import Console

from scanner import report
from scanner.errors import EngineError
from scanner.evaluate import evaluate
from scanner.model import Gap, PartialContainer, PartialHost, Snapshot
from scanner.rule import Severity
from scanner.rules import BY_SLUG, RULES
from tests.recorded import container, host

ROOT_USER = BY_SLUG["root-user"]
TITLES = {rule.slug: rule.title for rule in RULES}
WORST = (Severity.CRITICAL, Severity.HIGH, Severity.MEDIUM)


def scanned(*containers, rules=(ROOT_USER,), gaps=(), **facts):
    values = {"host": host(), "images": (), "networks": (), "volumes": (), **facts}
    snapshot = Snapshot(containers=containers, gaps=gaps, **values)
    return snapshot, evaluate(snapshot, rules=rules)


def printed(snapshot, results):
    screen = Console(file=io.StringIO(), width=120, highlight=False)
    report.print_scan(screen, snapshot, results, TITLES)
    return screen.file.getvalue()


def test_the_json_of_a_scan_has_its_documented_shape():
    plain = container("lifecycle_plain")
    document = json.loads(report.scan_json(*scanned(plain, gaps=(Gap("web", "top", "denied"),))))
    assert list(document) == ["schema", "host", "results", "gaps"]
    assert document["schema"] == 1
    assert document["host"]["version"] == host().version
    assert document["results"] == [
        {
            "rule": "root-user",
            "subject": {"kind": "container", "name": "lifecycle_plain", "id": plain.id},
            "sub_object": None,
            "verdict": "fail",
            "severity": "high",
            "evidence": [
                {
                    "fact": "Config.User",
                    "found": "",
                    "wanted": "a user other than root, best by number",
                }
            ],
        }
    ]
    assert document["gaps"] == [{"subject": "web", "fact": "top", "reason": "denied"}]


def test_an_unknown_verdict_says_why():
    [result] = json.loads(report.scan_json(*scanned(container("user_name"))))["results"]
    assert result["verdict"] == "unknown"
    assert "somebody" in result["reason"]
    assert result["evidence"] == [{"fact": "Config.User", "found": None, "wanted": ""}]


def test_a_part_of_a_subject_is_named():
    results = json.loads(
        report.scan_json(
            *scanned(container("environment_secrets"), rules=[BY_SLUG["secrets-in-environment"]])
        )
    )["results"]
    assert [result["sub_object"] for result in results] == ["CACHE_URL", "DATABASE_PASSWORD"]


def test_a_fact_of_the_host_that_was_not_read_is_null():
    document = json.loads(report.scan_json(*scanned(host=PartialHost(name="prod-1"))))
    assert document["host"]["name"] == "prod-1"
    assert document["host"]["kernel"] is None
    assert "unread" not in document["host"]


def test_results_come_in_the_same_order_whatever_order_the_engine_has():
    first, second = container("lifecycle_plain"), container("user_1000")
    snapshot, results = scanned(first, second, rules=RULES)
    other_snapshot, others = scanned(second, first, rules=RULES)
    assert report.scan_json(snapshot, results) == report.scan_json(other_snapshot, others)


def test_an_engine_that_could_not_be_scanned_is_told_as_json_too():
    document = json.loads(report.error_json(EngineError("refused", "No answer.", "Start it.")))
    assert document == {
        "schema": 1,
        "error": {"kind": "refused", "message": "No answer.", "advice": "Start it."},
    }


def test_the_catalogue_lists_every_rule_with_what_it_answers():
    document = json.loads(report.rules_json(RULES))
    assert [rule["slug"] for rule in document["rules"]] == [rule.slug for rule in RULES]
    [privileged] = [rule for rule in document["rules"] if rule["slug"] == "privileged"]
    assert privileged == {
        "slug": "privileged",
        "title": "Container runs privileged",
        "severity": "critical",
        "family": "isolation",
        "subject": "container",
        "report": ["1.1(3)"],
        "cis": ["5.5"],
    }


def test_the_catalogue_is_readable():
    screen = Console(file=io.StringIO(), width=120)
    screen.print(report.rules_table(RULES))
    text = screen.file.getvalue()
    assert "Kernel isolation" in text
    assert "Container runs privileged" in text


def test_findings_are_grouped_the_worst_first():
    bad = replace(container("restart_always"), privileged=True)
    chosen = [BY_SLUG["restart-policy"], ROOT_USER, BY_SLUG["privileged"]]
    text = printed(*scanned(bad, rules=chosen))
    places = [text.index(f"{severity.value.upper()} (1)") for severity in WORST]
    assert places == sorted(places)
    assert "1 container: 3 fail, 0 pass, 0 unknown, 0 not applicable" in text


def test_what_is_unknown_and_what_was_not_read_is_shown():
    partial = PartialContainer(id="0123456789ab", name="web", unread={"uid": "denied by a plugin"})
    text = printed(*scanned(partial, gaps=(Gap("web", "inspect", "denied by a plugin"),)))
    assert "UNKNOWN (1)" in text
    assert "Not read: inspect of web: denied by a plugin" in text
    assert "0 fail, 0 pass, 1 unknown" in text


def test_nothing_that_an_engine_sent_reaches_the_terminal_as_a_sequence():
    given = replace(container("environment_secrets"), name="web\x1b[2J[bold]x[/bold]")
    text = printed(*scanned(given, rules=[BY_SLUG["secrets-in-environment"]]))
    assert "\x1b" not in text
    assert "\\x1b[2J[bold]x" in text


def test_long_evidence_is_cut():
    given = replace(container("lifecycle_plain"), user="x" * 500, uid=0)
    assert "…" in printed(*scanned(given))


def test_what_is_no_terminal_gets_a_fixed_width_and_no_colours():
    assert report.console().width == 120
    assert not report.console().is_terminal
