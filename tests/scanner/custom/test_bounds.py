"""What is hostile takes no time: it is refused, or unknown, or over soon."""

import time

import pytest
from msgspec.structs import replace

from scanner import Container, Result, Snapshot, Verdict, evaluate
from scanner.custom import Refused, rules
from scanner.custom.check import MOST_LOOPS
from scanner.model import Mount, Process
from tests import recorded
from tests.scanner.custom import ruled

MOST_SECONDS = 1.0
"""Of a thread's own time: without a bound, each of these takes minutes or all of the memory."""


def crowded(number: int) -> Container:
    """With long lists and texts of every kind."""
    return replace(
        recorded.container("isolation_running"),
        labels={f"label-{n}": "aab" * 20 for n in range(number)},
        mounts=tuple(
            Mount("bind", f"/srv/{n}", f"/data/{n}", True, host_path=f"/srv/{n}")
            for n in range(number)
        ),
        processes=tuple(Process(uid=n % 7, name=f"worker-{n}") for n in range(number)),
        image="a" * min(number * 10, 16_000),
        networks=tuple(f"network-{n}" for n in range(number)),
    )


def judged(text: str, container: Container) -> tuple[list[Result], float]:
    """The best of three, as the machine may be busy."""
    [rule] = rules(text)
    snapshot = Snapshot(host=recorded.host(), containers=(container,))
    times = []
    for _ in range(3):
        began = time.thread_time()
        results = evaluate(snapshot, rules=[rule])
        times.append(time.thread_time() - began)
    return results, min(times)


HOSTILE = {
    "one loop": "container.processes.exists(p, p.name == 'x' && p.uid > 3 && p.uid < 0)",
    "a loop in a loop": "container.processes.exists(p, container.mounts.exists(m, "
    "m.source == p.name && m.destination != p.name))",
    "loops one after the other": " || ".join(
        ["container.labels.exists(k, container.labels[k] == 'x')"] * MOST_LOOPS
    ),
    "filters of filters": "container.networks.filter(n, n != 'x').filter(n, n != 'y')"
    ".filter(n, n != 'z').map(n, n) == container.networks",
    "map in filter": "container.networks.filter(n, container.labels.map(k, k) != [n]).size() < 0",
    "a pattern for each": "container.labels.exists(k, "
    'container.labels[k].matches(r"^(a|b|aa|bb)*c$"))',
    "a large class for each": r"container.labels.exists(k, k.matches(r'^\w$'))",
    "backtracking": 'container.image.matches(r"^(a+)+$") && container.image.matches("(a|aa)*b")',
    "many states": 'container.image.matches("(a|b)*a(a|b)(a|b)(a|b)(a|b)(a|b)(a|b)(a|b)(a|b)c")',
    "counted": 'container.image.matches("(a{20}){20}b")',
    "text upon text": " + ".join(["container.image"] * 17) + " == 'x'",
    "membership": "container.networks.all(n, n in container.networks)",
    "python for each": "container.networks.exists(n, imageTag(n) == 'x')",
    "subnets": "container.networks.exists(n, inSubnet('10.0.0.1', '10.0.0.0/8') && n == 'x')",
    "a map for each": "container.networks.exists(n, container.labels.get(n, 'x') == 'y')",
    "long chain": " || ".join(["container.memory == 1"] * 80),
}


@pytest.mark.parametrize("number", [10, 200, 1_500, 20_000])
@pytest.mark.parametrize("name", HOSTILE)
def test_one_evaluation_is_over_soon(name: str, number: int) -> None:
    results, seconds = judged(ruled(HOSTILE[name]), crowded(number))
    assert seconds < MOST_SECONDS
    if number == 10:
        assert {result.verdict for result in results} <= {Verdict.PASS, Verdict.FAIL}
    if number > 10_000 and any(macro in HOSTILE[name] for macro in ("exists", "filter", "all(")):
        assert {result.verdict for result in results} == {Verdict.UNKNOWN}


@pytest.mark.parametrize("number", [10, 200, 1_500, 20_000])
def test_many_items_are_over_soon(number: int) -> None:
    text = ruled(
        "container.labels.exists(k, k == item.source)",
        for_each="container.mounts",
        sub_object="item.destination",
    )
    results, seconds = judged(text, crowded(number))
    assert seconds < MOST_SECONDS
    verdict = Verdict.PASS if number == 10 else Verdict.UNKNOWN
    assert [result.verdict for result in results] == [verdict]


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("(" * 400 + "true" + ")" * 400, "too deep"),
        ("[" * 400 + "]" * 400, "deep"),
        ("true || " * 300 + "true", "characters"),
        ("true ? false : " * 40 + "true", "deep"),
        ("container.mounts.exists(a, container.mounts.exists(b, container.mounts.exists(c, "
         "true)))", "more than 2 deep"),
        (" || ".join(["container.mounts.exists(m, true)"] * 5), "more than 4 lists"),
        ("container.networks.map(n, n + n) == []", "cannot be joined for every item"),
        (" + ".join(["container.image"] * 18) + " == ''", "more than 16 times"),
        ("container.networks.map(n, [n, n]) == []", "cannot make a list"),
        ("[[1], [2]] == []", "cannot hold"),
        ("container.image.matches(container.name)", "written out"),
        (r"container.image.matches(r'\w{100}')", "too large"),
        (r"container.image.matches(r'((\d{9}){9}){9}')", "too large"),
        (f"container.image.matches('{'a' * 300}')", "300 characters"),
    ],
)  # fmt: skip
def test_what_could_take_long_is_refused_when_it_is_written(expression: str, said: str) -> None:
    began = time.thread_time()
    with pytest.raises(Refused) as refused:
        rules(ruled(expression))
    assert time.thread_time() - began < 0.5
    assert said in str(refused.value)


@pytest.mark.parametrize(
    "text",
    [
        "a: " + "[" * 2_000 + "]" * 2_000,
        "a: &a [1, 1]\nb: &b [*a, *a]\nc: &c [*b, *b]\nslug: *c\n",
        "slug: x\n" * 3_000,
        "? " * 3_000,
        "- " * 3_000,
        "!!python/object/apply:os.system ['true']",
        "slug: !!python/name:os.system ''",
        "\0",
        "\ufeff",
        "\t\tx",
        "%YAML 9.9\n---\n",
        "a" * 400_000,
        "---\n" * 400,
        "slug: '" + "x" * 20_000 + "'",
        "",
        "null",
        "[]",
        "42",
    ],
)
def test_no_yaml_takes_long_or_does_anything(text: str) -> None:
    began = time.thread_time()
    with pytest.raises(Refused) as refused:
        rules(text)
    assert time.thread_time() - began < 1
    assert refused.value.problems
    assert all(0 < len(problem.message) < 400 for problem in refused.value.problems)
