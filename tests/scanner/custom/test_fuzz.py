"""Whatever is written: it is refused in words, or judged; no error leaks, and none is a pass."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scanner import Result, Snapshot, Verdict, evaluate
from scanner.custom import Problem, Refused, kinds, rules
from scanner.custom.functions import FUNCTIONS
from tests import recorded
from tests.scanner.custom import PLAIN, examples, ruled

FUZZ = settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None
)
PATHS = [f"container.{name}" for name in kinds.fields(kinds.SUBJECTS["container"])]
SNAPSHOT = Snapshot(
    host=recorded.host(),
    containers=(recorded.container("everything"), recorded.container("net_pod_web")),
    images=(),
    networks=recorded.networks(),
    volumes=(),
)
LITERALS = st.sampled_from(
    ["0", "-1", "1.5", "true", "false", "null", '"a"', "'é'", '""', r"r'\d'", "[]", "[1]", "['a']"]
)
TERMS = LITERALS | st.sampled_from(PATHS) | st.sampled_from(["x", "item", "params", "host", "y.z"])
OPERATORS = st.sampled_from(
    ["&&", "||", "==", "!=", "<", "<=", ">", ">=", "in", "+", "-", "*", "/", "%"]
)


def larger(inner: Any) -> Any:
    return (
        st.builds("({} {} {})".format, inner, OPERATORS, inner)
        | st.builds("!{}".format, inner)
        | st.builds("-{}".format, inner)
        | st.builds("({} ? {} : {})".format, inner, inner, inner)
        | st.builds("{}[{}]".format, inner, inner)
        | st.builds("{}.{}".format, inner, st.sampled_from(["name", "a", "size", "labels"]))
        | st.builds("{}({})".format, st.sampled_from([*FUNCTIONS, "has", "dyn", "type"]), inner)
        | st.builds("{}.{}({})".format, inner, st.sampled_from(list(FUNCTIONS)), inner)
        | st.builds(
            "{}.{}(x, {})".format,
            inner,
            st.sampled_from(["all", "exists", "exists_one", "filter", "map"]),
            inner,
        )
    )


EXPRESSIONS = st.recursive(TERMS, larger, max_leaves=12)
ODD = st.text(
    st.sampled_from(list("ab.()[]{}!&|=<>+-*/%?:,'\"\\ \n\t0123eExr#é\u202e\0")), max_size=60
)


def judged(text: str) -> list[Result]:
    made, problems = read(text)
    assert bool(made) != bool(problems)
    for problem in problems:
        assert problem.line >= 1
        assert problem.column >= 1
        assert 0 < len(problem.message) < 1_000
    return evaluate(SNAPSHOT, rules=made)


def read(text: str) -> tuple[Any, tuple[Problem, ...]]:
    try:
        return rules(text), ()
    except Refused as refused:
        return (), refused.problems


@FUZZ
@given(EXPRESSIONS)
def test_expressions_of_the_language(expression: str) -> None:
    for result in judged(ruled(expression)):
        assert "could not be judged" not in result.reason
        assert (result.verdict is Verdict.UNKNOWN) == bool(result.reason)


@FUZZ
@given(ODD)
def test_expressions_of_anything(expression: str) -> None:
    judged(ruled(expression))


@FUZZ
@given(st.text(max_size=200) | ODD)
def test_documents_of_anything(text: str) -> None:
    judged(text)
    judged(PLAIN + text)


@FUZZ
@given(st.sampled_from(sorted(examples())), st.data())
def test_examples_that_are_spoilt(slug: str, data: st.DataObject) -> None:
    text = examples()[slug]
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(start, min(start + 20, len(text))))
        text = text[:start] + data.draw(ODD) + text[end:]
    judged(text)


@pytest.mark.parametrize("path", sorted(set(PATHS) - {"container.id", "container.name"}))
def test_a_missing_fact_is_unknown_whatever_is_asked_of_it(path: str) -> None:
    """Each is asked for true and for false, so that one of the two would pass by mistake."""
    name = path.removeprefix("container.")
    kind = kinds.fields(kinds.SUBJECTS["container"])[name]
    questions = {
        "bool": [path, f"!{path}"],
        "int": [f"{path} == 0", f"{path} != 0", f"{path} < 1"],
        "string": [f"{path} == ''", f"{path} != ''"],
        "list": [f"size({path}) == 0", f"{path}.exists(x, true)", f"{path}.all(x, true)"],
        "map": [f"size({path}) == 0", f"'a' in {path}", f"has({path}.a)", f"!has({path}.a)"],
        "model": [f"{path} == null", f"{path} != null"] if kind.nullable else [],
    }[kind.name]
    known = recorded.container("everything")
    facts = {
        "running": ["status"],
        "workload": ["labels"],
        "effective_capabilities": ["privileged", "cap_add", "cap_drop"],
    }.get(name, [name])
    snapshot = Snapshot(host=recorded.host(), containers=(recorded.without(known, *facts),))
    for question in questions:
        [result] = evaluate(snapshot, rules=rules(ruled(question)))
        assert result.verdict is Verdict.UNKNOWN, question
        assert result.evidence[0].fact != "expression"
