import pytest
from msgspec import UNSET

from scanner import image_history
from scanner.model import EnvironmentName, Unread
from scanner.rules.images.image_secrets import Parameters, check, rebuild
from tests.recorded import context, image

DEFAULT = Parameters()


@pytest.mark.parametrize("name", ["wrong", "wrong_old"])
def test_variables_and_commands_with_credentials_fail_each_for_itself(name):
    found = {flaw.sub_object: flaw for flaw in check(image(name), context(), DEFAULT)}
    assert list(found) == ["DATABASE_PASSWORD", "NPM_TOKEN", "RUN echo [hidden]"]
    facts = [evidence.fact for evidence in found["DATABASE_PASSWORD"].evidence]
    assert facts == ["Config.Env", "history: CreatedBy"]
    [argument] = found["NPM_TOKEN"].evidence
    assert argument.found["instruction"] == "ARG NPM_TOKEN"
    assert "for-the-tests-only" not in repr(found)


@pytest.mark.parametrize("name", ["right", "right_old", "scratch", "unclear_old"])
def test_names_of_files_and_harmless_values_pass(name):
    assert not list(check(image(name), context(), DEFAULT))


def test_a_value_that_was_taken_back_is_in_the_history():
    layers = tuple(map(image_history.layer, ("ENV DB_PASSWORD=hunter2", "ENV DB_PASSWORD=")))
    [flaw] = check(image("right", history=layers), context(), DEFAULT)
    assert flaw.sub_object == "DB_PASSWORD"


def test_a_policy_may_allow_names():
    parameters = Parameters(allowed=("DATABASE_PASSWORD", "NPM_TOKEN"))
    [flaw] = check(image("wrong"), context(), parameters)
    assert flaw.sub_object == "RUN echo [hidden]"


def test_truncated_text_is_unknown_after_what_was_found():
    long = "RUN /bin/sh -c export DB_PASSWORD=hunter2; " + "echo hello; " * 2000
    found = check(image("right", history=(image_history.layer(long),)), context(), DEFAULT)
    assert next(found).sub_object.startswith("RUN export DB_PASSWORD=[hidden]")
    with pytest.raises(Unread, match="only the beginning"):
        next(found)


def test_no_history_is_unknown_after_what_the_environment_holds():
    environment = (EnvironmentName("TOKEN", "the name says that it is a credential"),)
    known = image("right", history=UNSET, environment=environment)
    found = check(known, context(), DEFAULT)
    assert next(found).sub_object == "TOKEN"
    with pytest.raises(Unread):
        next(found)


def test_no_environment_is_unknown():
    with pytest.raises(Unread):
        list(check(image("right", environment=UNSET), context(), DEFAULT))


def test_the_fix_names_each_and_shows_none():
    lines = list(rebuild(image("wrong")))
    assert {line for line in lines if line.startswith("-")} == {
        "-ARG NPM_TOKEN",
        "-ENV DATABASE_PASSWORD=...",
    }
