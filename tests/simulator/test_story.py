"""The demo's story: it is about hosts, rules and faults that there are."""

from pathlib import Path

from benchmarks.demo import story
from benchmarks.simulator import Simulator
from scanner import BY_SLUG
from scanner.policies import read


def test_the_whole_story_can_be_told(tmp_path: Path):
    with Simulator(
        seed=story.SEED,
        hosts=story.HOSTS,
        containers=story.CONTAINERS,
        churn=story.CHURN,
        directory=tmp_path,
    ) as fleet:
        for day in range(story.DAYS + 2):
            story.move_on(fleet, day)
        assert len(fleet.urls) == story.HOSTS
        assert {host["environment"] for host in fleet.hosts} == set(story.ENVIRONMENTS)
        assert {story.owner(host) for host in fleet.hosts} == set(story.OWNERS.values())


def test_a_host_fails_only_after_it_has_come():
    for outage in story.OUTAGES:
        assert story.arrives(outage.host) < outage.first <= outage.last < story.DAYS


def test_every_host_has_come_before_the_end():
    assert max(story.arrives(host) for host in range(story.HOSTS)) < story.DAYS


def test_policies_are_about_rules_that_there_are():
    for edit in story.POLICY_EDITS:
        settings, problems = read(edit.rules, BY_SLUG)
        assert problems == []
        assert settings.keys() == edit.rules.keys()
