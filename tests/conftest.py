"""Docker engines for tests, and the hooks of every run."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import pytest_django
from django.db import connection

from tests.support.engines import Engine
from tests.support.images import load_images

pytest_plugins = ["tests.support.counts"]


@pytest.fixture(scope="session")
def django_db_setup(
    django_db_setup: None, django_db_blocker: pytest_django.DjangoDbBlocker
) -> Iterator[None]:
    """Ends what a browser's kept-open connection to the live server still holds, so that the
    database of the tests can be dropped."""
    yield
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def start(name: str, *, images: bool = True, **options: Any) -> Engine:
    """An engine for a test, whose fixture stops it."""
    started = Engine.start(name, **options)
    if images:
        load_images(started)
    return started


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """Shared by all tests: give containers names of their own and leave others alone."""
    started = start("engine-1")
    yield started
    started.stop()


@pytest.fixture(scope="session")
def second_engine() -> Iterator[Engine]:
    started = start("engine-2")
    yield started
    started.stop()


@pytest.fixture
def empty_engine(engine: Engine) -> Iterator[Engine]:
    """The shared engine without containers, before and after."""
    engine.remove_containers()
    yield engine
    engine.remove_containers()


@pytest.fixture
def fresh_engine() -> Iterator[Callable[..., Engine]]:
    """Makes engines that a test may stop, break or configure: fresh_engine("web-1", tcp=True)."""
    made: list[Engine] = []

    def make(name: str = "fresh", **options: Any) -> Engine:
        made.append(start(name, **options))
        return made[-1]

    yield make
    for engine in made:
        engine.stop()
