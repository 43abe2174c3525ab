"""What stood and what was seen: the decisions, without a database."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from portal.compliance.models import Change, Severity, Verdict
from portal.compliance.reconcile import Plan, Unit, identity, observed, plan
from scanner import Result
from scanner import Severity as Grade
from scanner import Verdict as Said
from scanner.rule import Evidence, Subject

HOST = 7
START = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)

Standing = dict[bytes, Unit]


def result(
    verdict: Said,
    *,
    rule: str = "privileged",
    workload: str = "container/web",
    name: str = "",
    sub_object: str = "",
    kind: str = "container",
    severity: Grade = Grade.HIGH,
    found: object = None,
) -> Result:
    subject = Subject(kind, name or workload.partition("/")[2], "f" * 64, workload)
    evidence = (Evidence("HostConfig.Privileged", found, "false"),)
    return Result(rule, subject, sub_object, verdict, severity, evidence)


def judge(
    standing: Standing, results: list[Result], now: datetime, unlisted: frozenset[str] = frozenset()
) -> Plan:
    return plan(standing, observed(HOST, results, now), now, unlisted)


def after(standing: Standing, done: Plan) -> Standing:
    """The table as it is once the plan is written."""
    rows = dict(standing)
    for unit in done.written:
        rows[unit.identity] = unit
    for unit in done.deleted:
        del rows[unit.identity]
    return rows


def run(*scans: list[Result]) -> tuple[Standing, list[Plan]]:
    """The table after these scans, an hour apart."""
    rows: Standing = {}
    plans = []
    for number, results in enumerate(scans):
        plans.append(judge(rows, results, START + timedelta(hours=number)))
        rows = after(rows, plans[-1])
    return rows, plans


def changes(plans: list[Plan]) -> list[list[str]]:
    return [[step.change.value for step in done.steps] for done in plans]


def only(rows: Standing) -> Unit:
    [unit] = rows.values()
    return unit


# Few names, so that units meet each other; replicas of one workload, parts, and both kinds.
subjects = st.sampled_from(
    [
        ("container", "container/web", "web"),
        ("container", "compose/shop/api", "shop-api-1"),
        ("container", "compose/shop/api", "shop-api-2"),
        ("network", "network/front", "front"),
    ]
)
verdicts = st.sampled_from(list(Said))


@st.composite
def readings(draw: st.DrawFn) -> tuple[list[Result], frozenset[str]]:
    """What one scan may say: of a subject and rule either parts that fail, or one verdict."""
    results: list[Result] = []
    for kind, workload, name in draw(st.lists(subjects, unique=True)):
        for rule in draw(st.lists(st.sampled_from(["privileged", "ulimits"]), unique=True)):
            given_names = {"rule": rule, "workload": workload, "name": name, "kind": kind}
            parts = draw(st.lists(st.sampled_from(["a", "b", ""]), unique=True, max_size=3))
            grade = draw(st.sampled_from(list(Grade)))
            results += [
                result(Said.FAIL, sub_object=part, severity=grade, **given_names) for part in parts
            ]
            if not parts or ("" not in parts and draw(st.booleans())):
                verdict = draw(verdicts) if not parts else Said.UNKNOWN
                results.append(result(verdict, severity=grade, **given_names))
    unlisted = draw(st.sampled_from([frozenset(), frozenset({"network"})]))
    if unlisted:
        results = [found for found in results if found.subject.kind != "network"]
    return results, unlisted


histories = st.lists(readings(), min_size=1, max_size=6)
FIXES = (Verdict.PASS, Verdict.NOT_APPLICABLE)


@given(histories)
def test_the_life_of_a_finding(history: list[tuple[list[Result], frozenset[str]]]) -> None:
    rows: Standing = {}
    for number, (results, unlisted) in enumerate(history):
        now = START + timedelta(hours=number)
        seen = observed(HOST, results, now)
        done = plan(rows, seen, now, unlisted)
        then = after(rows, done)

        for key, unit in then.items():
            old = rows.get(key)
            was_open = old is not None and old.open
            said = seen[key].verdict if key in seen else None
            readable = [u for u in seen.values() if (u.rule, u.workload) == _place(unit)]
            hidden = unit.subject_kind in unlisted or any(
                u.verdict == Verdict.UNKNOWN for u in readable
            )
            if unit.open and not was_open:
                assert said == Verdict.FAIL
            if was_open and not unit.open:
                assert said in FIXES or (said is None and not hidden)
            if said == Verdict.UNKNOWN or (said is None and hidden):
                assert unit.open is was_open
            if said == Verdict.FAIL:
                assert unit.open
            if unit.open:
                assert unit.gone_at is None
                assert unit.first_failed_at is not None
                assert unit.failed_since is not None
                assert unit.failed_since >= unit.first_failed_at
            if unit.gone_at is not None:
                assert unit.first_failed_at is not None

        for unit in done.deleted:
            assert unit.first_failed_at is None
        _check_steps(rows, then, done)
        _check_parts(then, done)

        again = judge(then, results, now + timedelta(minutes=1), unlisted)
        assert (again.written, again.deleted, again.steps) == ([], [], [])
        rows = then


def _place(unit: Unit) -> tuple[str, str]:
    return unit.rule, unit.workload


def _check_steps(rows: Standing, then: Standing, done: Plan) -> None:
    """A step for each finding that changed its state, and for no other."""
    steps = {step.unit.identity: step.change for step in done.steps}
    assert len(steps) == len(done.steps)
    for key, unit in then.items():
        old = rows.get(key)
        was_open = old is not None and old.open
        if unit.open and not was_open:
            first = old is None or old.first_failed_at is None
            assert steps.pop(key) == (Change.OPENED if first else Change.REOPENED)
            assert unit.times_opened == (0 if old is None else old.times_opened) + 1
        elif was_open and not unit.open:
            gone = unit.gone_at is not None and unit.verdict not in FIXES
            assert steps.pop(key) == (Change.VANISHED if gone else Change.RESOLVED)
            assert unit.resolved_at is not None
        elif was_open and old is not None and old.verdict != unit.verdict:
            unknown = unit.verdict == Verdict.UNKNOWN
            assert steps.pop(key) == (Change.UNREADABLE if unknown else Change.READABLE)
    assert steps == {}


def _check_parts(then: Standing, done: Plan) -> None:
    """The table falls into what stands and what is gone, and no identity is there twice."""
    for units in (done.written, done.deleted, [*done.standing, *done.gone]):
        assert len({unit.identity for unit in units}) == len(units)
    assert {unit.identity for unit in done.standing} == {
        key for key, unit in then.items() if unit.gone_at is None
    }
    assert {unit.identity for unit in done.gone} == {
        key for key, unit in then.items() if unit.gone_at is not None
    }
    for key, unit in then.items():
        assert key == unit.identity


@given(st.lists(verdicts, min_size=1, max_size=8))
def test_the_last_clear_verdict_says_whether_it_is_open(said: list[Said]) -> None:
    rows, _ = run(*[[result(verdict)] for verdict in said])
    clear = [verdict for verdict in said if verdict is not Said.UNKNOWN]
    assert only(rows).open is (bool(clear) and clear[-1] is Said.FAIL)
    assert only(rows).verdict == said[-1].value


def test_a_life_step_by_step() -> None:
    fail, passed, unknown = ([result(v)] for v in (Said.FAIL, Said.PASS, Said.UNKNOWN))
    rows, plans = run(fail, unknown, fail, passed, unknown, fail, [])
    assert changes(plans) == [
        ["opened"],
        ["unreadable"],
        ["readable"],
        ["resolved"],
        [],
        ["reopened"],
        ["vanished"],
    ]
    unit = only(rows)
    assert (unit.open, unit.times_opened) == (False, 2)
    assert unit.first_failed_at == START
    assert unit.failed_since == START + timedelta(hours=5)
    assert unit.gone_at == unit.resolved_at == START + timedelta(hours=6)
    assert plans[-1].count(Change.VANISHED, Change.RESOLVED) == 1


def test_what_never_failed_leaves_nothing_behind() -> None:
    rows, plans = run([result(Said.PASS)], [result(Said.UNKNOWN)], [])
    assert rows == {}
    assert [unit.verdict for unit in plans[-1].deleted] == [Verdict.UNKNOWN]


def test_it_comes_back_under_its_old_identity() -> None:
    rows, plans = run([result(Said.FAIL)], [], [result(Said.FAIL)])
    unit = only(rows)
    assert (unit.open, unit.gone_at, unit.resolved_at) == (True, None, None)
    assert changes(plans) == [["opened"], ["vanished"], ["reopened"]]


def test_a_gone_finding_that_comes_back_unreadable_stays_closed() -> None:
    rows, plans = run([result(Said.FAIL)], [], [result(Said.UNKNOWN)])
    assert only(rows).gone_at is None
    assert not only(rows).open
    assert plans[-1].steps == []


def test_a_part_that_is_not_named_any_more_is_fixed_while_its_subject_is_there() -> None:
    parts = [result(Said.FAIL, sub_object=part) for part in ("/dev/fuse", "/dev/mem")]
    rows, plans = run(parts, parts[:1])
    assert changes(plans)[1] == ["resolved"]
    mended = next(unit for unit in rows.values() if unit.sub_object == "/dev/mem")
    assert (mended.verdict, mended.open) == (Verdict.PASS, False)
    assert mended not in plans[1].standing


def test_a_part_is_not_fixed_by_a_reading_that_broke_off() -> None:
    parts = [result(Said.FAIL, sub_object=part) for part in ("/dev/fuse", "/dev/mem")]
    rows, plans = run(parts, [parts[0], result(Said.UNKNOWN)])
    assert changes(plans)[1] == ["unreadable"]
    hidden = next(unit for unit in rows.values() if unit.sub_object == "/dev/mem")
    assert (hidden.verdict, hidden.open) == (Verdict.UNKNOWN, True)


def test_of_networks_that_were_not_listed_nothing_is_said() -> None:
    network = result(Said.FAIL, kind="network", workload="network/front")
    rows, _ = run([network])
    unlisted = judge(rows, [], START + timedelta(hours=1), frozenset({"network"}))
    assert [step.change for step in unlisted.steps] == [Change.UNREADABLE]
    rows = after(rows, unlisted)
    assert only(rows).open
    listed = judge(rows, [], START + timedelta(hours=2))
    assert [step.change for step in listed.steps] == [Change.VANISHED]


def test_only_new_evidence_is_written_without_a_step() -> None:
    rows, plans = run([result(Said.FAIL, found=1)], [result(Said.FAIL, found=2)])
    assert changes(plans) == [["opened"], []]
    [written] = plans[1].written
    assert written.evidence[0]["found"] == 2
    assert written.changed_at == START
    assert only(rows).failed_since == START


def test_a_new_severity_is_taken_over() -> None:
    rows, _ = run([result(Said.FAIL)], [result(Said.FAIL, severity=Grade.CRITICAL)])
    assert only(rows).severity == Severity.CRITICAL


@pytest.mark.parametrize(
    ("replicas", "verdict"),
    [
        ((Said.PASS, Said.FAIL), Verdict.FAIL),
        ((Said.FAIL, Said.UNKNOWN), Verdict.FAIL),
        ((Said.UNKNOWN, Said.PASS), Verdict.UNKNOWN),
        ((Said.NOT_APPLICABLE, Said.PASS), Verdict.PASS),
    ],
)
def test_the_worst_of_the_replicas_is_the_verdict(replicas: tuple[Said, ...], verdict: str) -> None:
    for said in (replicas, replicas[::-1]):
        results = [
            result(one, workload="compose/shop/api", name=f"shop-api-{number}")
            for number, one in enumerate(said)
        ]
        assert only(observed(HOST, results, START)).verdict == verdict


@pytest.mark.parametrize("field", ["rule", "workload", "sub_object", "kind"])
def test_an_identity_is_host_rule_kind_workload_and_part(field: str) -> None:
    one = result(Said.FAIL)
    other = result(Said.FAIL, **{field: "network" if field == "kind" else "other"})
    assert len(observed(HOST, [one, other], START)) == 2
    assert observed(HOST, [one], START).keys() != observed(HOST + 1, [one], START).keys()


def test_the_engine_id_is_no_part_of_an_identity() -> None:
    one = result(Said.FAIL)
    made_anew = replace(one, subject=replace(one.subject, id="0" * 64))
    assert observed(HOST, [one], START).keys() == observed(HOST, [made_anew], START).keys()


@given(st.lists(st.lists(st.text(max_size=3), min_size=4, max_size=4), min_size=2, max_size=8))
def test_two_tuples_never_share_an_identity(tuples: list[list[str]]) -> None:
    different = {tuple(parts) for parts in tuples}
    assert len({identity(HOST, *parts) for parts in different}) == len(different)


def test_names_may_not_run_into_each_other() -> None:
    assert identity(HOST, "r", "container", "a\0b", "") != identity(
        HOST, "r", "container", "a", "b\0"
    )
    assert identity(HOST, "r", "container", "a\0b", "c") != identity(
        HOST, "r", "container", "a", "b\0c"
    )


def test_long_names_are_cut_to_what_the_table_holds() -> None:
    long = result(Said.FAIL, workload="w" * 900, name="n" * 400, sub_object="s" * 1200)
    unit = only(observed(HOST, [long], START))
    assert (len(unit.workload), len(unit.subject), len(unit.sub_object)) == (700, 300, 1000)
