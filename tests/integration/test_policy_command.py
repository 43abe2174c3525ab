"""`plimsoll policy` and `plimsoll scan --policy`, as a person or a pipeline runs them."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.db import connection

from scanner import BY_SLUG, policy_file
from tests.support.engines import Engine

GOOD = "policy: 1\nname: Web\nrules:\n  privileged: off\n  root-user: {severity: low}\n"
OWN = """\
slug: custom-no-latest
title: Container runs an image by the tag latest
subject: container
severity: medium
why: Behind latest there is another image tomorrow.
fix: Start the container from a version.
fails_when: imageTag(container.image) == "latest"
"""
WRONG = "policy: 1\nname: Web\nrules:\n  priviledged: off\n"


def plimsoll(*arguments: str, **options: Any) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "scanner", *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=120, check=False, **options
    )


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "web.yaml"


def test_a_good_file_is_said_to_be_good(file: Path):
    file.write_text(GOOD)
    found = plimsoll("policy", "check", str(file))
    assert (found.returncode, found.stderr) == (0, "")
    assert found.stdout == "Web: 2 rules set, nothing wrong\n"


def test_what_is_wrong_is_said_as_compilers_say_it(file: Path):
    file.write_text(WRONG)
    found = plimsoll("policy", "check", str(file))
    assert (found.returncode, found.stderr) == (1, "")
    assert found.stdout == (
        f"{file}:4:3: there is no rule 'priviledged'; did you mean privileged?\n"
    )


@pytest.mark.parametrize(("text", "code", "lines"), [(GOOD, 0, []), (WRONG, 1, [4])])
def test_the_same_as_json_from_standard_input(text: str, code: int, lines: list[int]):
    found = plimsoll("policy", "check", "-", "--format", "json", input=text)
    assert found.returncode == code
    document = json.loads(found.stdout)
    assert document["schema"] == 1
    assert [problem["line"] for problem in document["problems"]] == lines


@pytest.mark.parametrize(
    ("content", "words"),
    [(None, "cannot be read: No such file"), (b"\xff\xfe", "no text in UTF-8")],
)
def test_a_file_that_cannot_be_read_is_no_wrong_policy(
    file: Path, content: bytes | None, words: str
):
    if content is not None:
        file.write_bytes(content)
    found = plimsoll("policy", "check", str(file))
    assert (found.returncode, found.stdout) == (2, "")
    assert words in found.stderr


def test_rules_of_ones_own_may_be_set_where_they_are_given(file: Path, tmp_path: Path):
    file.write_text("policy: 1\nname: Web\nrules:\n  custom-no-latest: off\n")
    assert plimsoll("policy", "check", str(file)).returncode == 1
    own = tmp_path / "own.yaml"
    own.write_text(OWN)
    found = plimsoll("policy", "check", str(file), "--rules", str(own))
    assert (found.returncode, found.stdout) == (0, "Web: 1 rule set, nothing wrong\n")
    own.write_text("slug: custom-x\n")
    found = plimsoll("policy", "check", str(file), "--rules", str(own))
    assert (found.returncode, found.stdout) == (2, "")
    assert f"{own}:1:1:" in found.stderr


def test_all_that_can_be_set_is_exported_and_is_a_policy(file: Path):
    found = plimsoll("policy", "export")
    assert (found.returncode, found.stderr) == (0, "")
    assert "\n  memory-limit:\n    state: on\n" in found.stdout
    file.write_text(found.stdout)
    assert plimsoll("policy", "check", str(file)).stdout == "Baseline: 0 rules set, nothing wrong\n"


@pytest.mark.engine
def test_a_scan_judges_by_the_policy(empty_engine: Engine, file: Path):
    empty_engine.docker_run("--privileged", name="web", create_only=True)
    file.write_text(GOOD.replace("{severity: low}", "{severity: low}\n  memory-limit: shadow"))
    found = plimsoll("scan", empty_engine.url, "--format=json", "--policy", str(file))
    assert found.returncode == 0
    results = json.loads(found.stdout)["results"]
    judged = {result["rule"]: result for result in results}
    assert not {"privileged", "memory-limit"} & set(judged)
    assert judged["root-user"]["severity"] == "low"


@pytest.mark.engine
def test_a_wrong_policy_judges_nothing(empty_engine: Engine, file: Path):
    file.write_text(WRONG)
    found = plimsoll("scan", empty_engine.url, "--policy", str(file))
    assert (found.returncode, found.stdout) == (2, "")
    assert f"{file}:4:3: there is no rule" in found.stderr


# --- the portal's own


@pytest.fixture
def portal(transactional_db: None) -> dict[str, str]:
    """The environment in which the portal's database is that of the tests."""
    address = urlsplit(os.environ["PLIMSOLL_DATABASE_URL"])
    database = str(connection.settings_dict["NAME"])
    return {**os.environ, "PLIMSOLL_DATABASE_URL": address._replace(path=f"/{database}").geturl()}


def test_a_policy_is_imported_and_exported(portal: dict[str, str], file: Path):
    file.write_text(GOOD)
    found = plimsoll("policy", "import", str(file), "--comment", "First", env=portal)
    assert (found.returncode, found.stderr) == (0, "")
    assert found.stdout == "Web v1 is in force from each host's next scan.\n"
    found = plimsoll("policy", "export", "web", env=portal)
    assert found.returncode == 0
    head, _, body = found.stdout.partition("\n")
    assert head.startswith("# Web v1, saved ")
    assert policy_file.read(body, BY_SLUG) == policy_file.read(GOOD, BY_SLUG)


def test_importing_again_makes_the_next_version(portal: dict[str, str], file: Path):
    for text in (GOOD, GOOD.replace("off", "shadow")):
        found = plimsoll("policy", "import", "-", "--comment", "x", env=portal, input=text)
        assert found.returncode == 0, found.stderr
    assert "Web v2" in found.stdout
    assert "state: shadow" in plimsoll("policy", "export", "Web", env=portal).stdout


def test_a_wrong_file_is_not_imported(portal: dict[str, str], file: Path):
    file.write_text(WRONG)
    found = plimsoll("policy", "import", str(file), "--comment", "x", env=portal)
    assert (found.returncode, found.stdout) == (1, "")
    assert f"{file}:4:3: there is no rule" in found.stderr
    assert "Traceback" not in found.stderr


def test_a_policy_that_is_not_there_is_named_with_those_that_are(portal: dict[str, str]):
    found = plimsoll("policy", "export", "nothing", env=portal)
    assert (found.returncode, found.stdout) == (2, "")
    assert "There is no policy nothing. There is Baseline." in found.stderr
