import msgspec
import pytest

from scanner.model import Unread
from scanner.rules.lifecycle.secrets_in_environment import Parameters, change, check
from tests.recorded import container, context, without


def test_each_variable_that_looks_like_a_credential_fails_by_its_name():
    flaws = list(check(container("environment_secrets"), context(), Parameters()))
    assert [flaw.sub_object for flaw in flaws] == ["CACHE_URL", "DATABASE_PASSWORD"]


def test_the_evidence_says_why_and_never_holds_the_value():
    flaws = list(check(container("environment_secrets"), context(), Parameters()))
    assert "URL with a password" in flaws[0].evidence[0].found["why"]
    assert b"for-the-tests-only" not in msgspec.json.encode(flaws)


def test_an_environment_without_credentials_passes():
    assert not list(check(container("lifecycle_plain"), context(), Parameters()))


def test_the_policy_may_allow_a_name():
    allowed = Parameters(("CACHE_URL",))
    [flaw] = check(container("environment_secrets"), context(), allowed)
    assert flaw.sub_object == "DATABASE_PASSWORD"


def test_an_environment_that_was_not_read_is_unknown():
    hidden = without(container("environment_secrets"), "environment")
    with pytest.raises(Unread):
        list(check(hidden, context(), Parameters()))


def test_the_change_takes_the_credentials_out_and_leaves_the_rest():
    changed = change(container("environment_secrets"))
    assert not list(check(changed, context(), Parameters()))
    assert {"GREETING", "DATABASE_PASSWORD_FILE"} <= {v.name for v in changed.environment}
