"""Images with flaws and without, built on real engines by both builders, collected and judged.

tests/recorded/cases_images.py says how each is made; what is right for it stands here. For every
rule that a Dockerfile can mend, an image is built with what is bad, and one as the advice says.
"""

import pytest

from scanner.collect import collect
from scanner.engine import Engine as Client
from scanner.evaluate import evaluate
from scanner.remedy import advice
from scanner.rule import Policy, Verdict
from scanner.rules import BY_SLUG, RULES
from tests.conftest import start
from tests.recorded.cases_images import FILES, IMAGES
from tests.support.images import PACKAGES, build, load_packages

pytestmark = pytest.mark.engine

PASS, FAIL, UNKNOWN = "pass", "fail", "unknown"
IMAGE_RULES = sorted(rule.slug for rule in RULES if rule.subject_kind == "image")
RULES_TO_MEND = [rule for rule in RULES if rule.fix.bad_dockerfile]
ALL_PASS = dict.fromkeys(IMAGE_RULES, PASS)
ALL_FAIL = {**dict.fromkeys(IMAGE_RULES, FAIL), "image-age": PASS}
SCRATCH = {**ALL_PASS, "image-user": FAIL, "image-healthcheck": FAIL}
WANTED = {
    "wrong": ALL_FAIL,
    "wrong_old": ALL_FAIL,
    "right": ALL_PASS,
    "right_old": ALL_PASS,
    "unclear_old": {**ALL_PASS, "image-healthcheck": FAIL, "image-add-instruction": UNKNOWN},
    "scratch": SCRATCH,
    "scratch_old": SCRATCH,
}


def make_all(engine):
    load_packages(engine)
    for name, (dockerfile, old) in IMAGES.items():
        build(engine, f"images/{name}:1", dockerfile, FILES, old=old)


def scan(engine, policy=None):
    with Client(engine.url) as client:
        snapshot = collect(client)
    return snapshot, evaluate(snapshot, policy)


@pytest.fixture(scope="module")
def builder():
    engine = start("images", images=False)
    make_all(engine)
    yield engine
    engine.stop()


@pytest.fixture(scope="module")
def scanned(builder):
    return scan(builder)


def verdicts(results, name):
    found = {}
    for result in results:
        if result.subject.name == name and result.rule in IMAGE_RULES:
            found.setdefault(result.rule, set()).add(result.verdict.value)
    return found


@pytest.mark.parametrize("name", WANTED)
def test_the_verdicts_are_right(scanned, name):
    snapshot, results = scanned
    assert snapshot.gaps == ()
    wanted = {rule: {verdict} for rule, verdict in WANTED[name].items()}
    assert verdicts(results, f"images/{name}:1") == wanted


def test_every_image_that_has_a_name_is_judged_by_every_rule(scanned):
    snapshot, results = scanned
    judged = {result.subject.name for result in results if result.subject.kind == "image"}
    assert judged == {image.name for image in snapshot.images}
    for name in judged:
        assert set(verdicts(results, name)) == set(IMAGE_RULES)


def test_no_value_of_a_variable_and_no_secret_is_kept(scanned):
    snapshot, results = scanned
    for text in (repr(snapshot), repr(results)):
        assert "for-the-tests-only" not in text
        assert "hello world" not in text


def test_the_base_image_that_was_imported_has_no_add_of_its_author(scanned):
    _, results = scanned
    assert verdicts(results, "plimsoll/packages:1")["image-add-instruction"] == {PASS}


def test_images_without_a_name_and_without_a_container_are_counted_and_not_judged(builder):
    for number in range(6):
        dockerfile = f"FROM plimsoll/packages:1\nLABEL number={number}\n"
        build(builder, "images/again:1", dockerfile, {})
    snapshot, results = scan(builder)
    assert len([image for image in snapshot.images if not image.named]) == 5
    assert all(r.subject.name.endswith(":1") for r in results if r.subject.kind == "image")
    by_rule = {r.rule: r for r in results if r.rule in ("image-sprawl", "image-unused")}
    assert by_rule["image-sprawl"].verdict is Verdict.PASS
    assert by_rule["image-unused"].verdict is Verdict.PASS

    limits = {"image-sprawl": {"most": 4}, "image-unused": {"most": 3}}
    _, results = scan(builder, Policy(parameters=limits))
    by_rule = {r.rule: r for r in results if r.rule in limits}
    assert by_rule["image-sprawl"].evidence[0].found["images"] == 5
    assert "images/again:1" in by_rule["image-unused"].evidence[0].found["among them"]


def test_a_container_uses_its_image_also_after_the_name_went_elsewhere(builder):
    build(builder, "images/moving:1", "FROM plimsoll/packages:1\nUSER app\n", {})
    builder.docker_run(name="mover", image="images/moving:1", create_only=True)
    build(builder, "images/moving:1", "FROM plimsoll/packages:1\nUSER 1000\n", {})
    try:
        snapshot, results = scan(builder)
    finally:
        builder.cli("rm", "mover")
    [container] = snapshot.containers
    names = {r.subject.name for r in results if r.subject.id == container.image_id}
    assert names == {container.image_id.removeprefix("sha256:")[:12]}


def test_a_user_by_name_is_root_where_a_container_shows_it(builder):
    build(builder, "images/toor:1", "FROM plimsoll/packages:1\nUSER toor\n", {})
    _, results = scan(builder)
    assert verdicts(results, "images/toor:1")["image-user"] == {PASS}
    builder.docker_run(name="toor", image="images/toor:1", create_only=True)
    try:
        _, results = scan(builder)
    finally:
        builder.cli("rm", "toor")
    assert verdicts(results, "images/toor:1")["image-user"] == {FAIL}
    [container] = [r for r in results if r.rule == "root-user" and r.subject.name == "toor"]
    assert container.verdict is Verdict.FAIL


@pytest.mark.parametrize("rule", RULES_TO_MEND, ids=lambda rule: rule.slug)
def test_following_the_advice_mends_it(builder, rule):
    bad, good = f"advice/{rule.slug}:bad", f"advice/{rule.slug}:good"
    build(builder, bad, f"FROM {PACKAGES}\n{rule.fix.bad_dockerfile}", FILES)
    snapshot, results = scan(builder)
    assert verdicts(results, bad)[rule.slug] == {FAIL}

    [image] = [image for image in snapshot.images if bad in image.tags]
    [dockerfile] = [r for r in advice(rule, image=image).renderings if r.form == "Dockerfile"]
    removed = [line.text.split()[0] for line in dockerfile.lines if line.mark == "removed"]
    mended = dockerfile.text
    if removed:  # a change of its own Dockerfile, in which nothing else stands
        assert removed == [line.split()[0] for line in rule.fix.bad_dockerfile.splitlines()]
        mended = f"FROM {PACKAGES}\n{mended}"
    build(builder, good, f"{mended}\n", FILES)
    _, results = scan(builder)
    assert verdicts(results, good)[rule.slug] == {PASS}


def test_the_advice_for_what_a_child_image_mends_begins_with_the_image(scanned):
    snapshot, _ = scanned
    [image] = [image for image in snapshot.images if "images/scratch:1" in image.tags]
    [dockerfile] = advice(BY_SLUG["image-user"], image=image).renderings
    assert dockerfile.diff == " FROM images/scratch:1\n+USER 1000:1000"


def test_a_newer_engine_gives_the_same_verdicts(fresh_engine):
    engine = fresh_engine("newer", release="28.5", images=False)
    make_all(engine)
    _, results = scan(engine)
    for name, rules in WANTED.items():
        wanted = {rule: {verdict} for rule, verdict in rules.items()}
        assert verdicts(results, f"images/{name}:1") == wanted, name
