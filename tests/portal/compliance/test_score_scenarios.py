"""Seven fates of one fleet, and what the score makes of each: none that hides anything raises it.

Ten hosts with twenty containers and thirty rules (4 critical, 8 high, 10 medium, 8 low), of which
each fails with a probability of its severity, by a seed.
"""

import random
from collections import Counter
from collections.abc import Mapping

import pytest

from portal.compliance.score import Counts, Score, fleet_score, host_score, silenced
from portal.core.display import percent

LOW, MEDIUM, HIGH, CRITICAL = range(4)
LEVELS = {"crit": (CRITICAL, 4, 0.04), "high": (HIGH, 8, 0.12), "med": (MEDIUM, 10, 0.35)}
LEVELS["low"] = (LOW, 8, 0.5)
RULES = {
    f"{name}{number}": (severity, chance)
    for name, (severity, amount, chance) in LEVELS.items()
    for number in range(amount)
}
HOSTS, CONTAINERS = 10, 20
Units = dict[tuple[int, int, str], str]  # host, container, rule -> passed, failed, ...


def base() -> Units:
    chances = random.Random(7)  # noqa: S311 - the same fleet each time
    return {
        (host, container, rule): "failed" if chances.random() < chance else "passed"
        for host in range(HOSTS)
        for container in range(CONTAINERS)
        for rule, (_, chance) in RULES.items()
    }


def hosts(units: Mapping[tuple[int, int, str], str]) -> dict[int, list[Counts]]:
    found: dict[int, dict[str, Counter[str]]] = {}
    for (host, _, rule), state in units.items():
        found.setdefault(host, {}).setdefault(rule, Counter())[state] += 1
    states = ("passed", "failed", "excepted", "unknown")
    return {
        host: [
            Counts(RULES[rule][0], *(counts[state] for state in states))
            for rule, counts in rules.items()
        ]
        for host, rules in found.items()
    }


def score(units: Units) -> Score:
    return fleet_score((host_score(rules), 1) for rules in hosts(units).values())


def rounded(found: Score) -> tuple[float, ...]:
    return tuple(round(value, 1) for value in found if value is not None)


def test_a_the_fleet_as_it_is():
    assert rounded(score(base())) == (83.5, 83.5, 100.0)


def test_b_two_of_ten_hosts_are_unreachable():
    gone = {key: "unknown" if key[0] in (8, 9) else state for key, state in base().items()}
    assert rounded(score(gone)) == (66.7, 66.7, 80.0)


@pytest.mark.parametrize(("graced", "posture"), [(True, 83.5), (False, 66.7)])
def test_b_within_the_window_of_grace_their_last_results_hold(graced: bool, posture: float):
    found = hosts(base())
    for host in (8, 9):
        found[host] = [silenced(rule, graced=graced) for rule in found[host]]
    fleet = fleet_score((host_score(rules), 1) for rules in found.values())
    assert rounded(fleet) == (posture, posture, 80.0)


def test_c_six_medium_rules_cannot_be_evaluated():
    broken = {f"med{number}" for number in range(6)}
    errors = {key: "unknown" if key[2] in broken else state for key, state in base().items()}
    assert rounded(score(errors)) == (76.5, 76.5, 80.0)


def test_d_every_failure_of_critical_and_high_is_excepted():
    severe = (HIGH, CRITICAL)
    excepted = {
        key: "excepted" if state == "failed" and RULES[key[2]][0] in severe else state
        for key, state in base().items()
    }
    assert rounded(score(excepted)) == (83.5, 89.5, 100.0)


def test_e_two_hundred_clean_containers_on_one_host_move_that_host_only():
    padded = base()
    padded |= {(0, extra, rule): "passed" for extra in range(20, 220) for rule in RULES}
    before, after = hosts(base()), hosts(padded)
    assert rounded(score(padded))[0] == 85.2
    assert all(before[host] == after[host] for host in range(1, HOSTS))
    # However many there were: one host of ten can give no more than its tenth.
    assert rounded(score(padded))[0] - 83.5 <= 100 / HOSTS - 83.5 / HOSTS + 0.1


def test_f_on_one_host_every_critical_rule_fails():
    lost = base()
    lost |= {key: "failed" for key in lost if key[0] == 3 and RULES[key[2]][0] == CRITICAL}
    assert rounded(score(lost))[0] == 79.9


def test_g_where_nothing_was_evaluated_nothing_is_met():
    nothing = score(dict.fromkeys(base(), "unknown"))
    assert nothing == Score(0.0, 0.0, 0.0)


def test_g_where_there_is_nothing_to_score_there_is_no_figure():
    assert fleet_score([]) == Score(None, None, None)
    assert percent(None) == "\N{EM DASH}"


@pytest.mark.parametrize("seed", range(20))
def test_nothing_that_hides_a_unit_ever_raises_the_posture(seed: int):
    chances = random.Random(seed)  # noqa: S311 - the same choices each time
    units = base()
    reached = score(units).posture
    assert reached is not None
    for key in chances.sample(sorted(units), 500):
        units[key] = chances.choice(
            ["unknown", "excepted"] if units[key] == "failed" else ["unknown"]
        )
    after = score(units).posture
    assert after is not None
    assert after <= reached
