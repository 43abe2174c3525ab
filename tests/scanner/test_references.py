import pytest

from scanner.references import familiar, repository


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("redis", "redis:latest"),
        ("redis:7", "redis:7"),
        ("library/redis:7", "redis:7"),
        ("docker.io/library/redis", "redis:latest"),
        ("index.docker.io/team/app:1", "team/app:1"),
        ("localhost:5000/redis", "localhost:5000/redis:latest"),
        ("localhost:5000/redis:7", "localhost:5000/redis:7"),
        ("registry.example/library/redis:7", "registry.example/library/redis:7"),
    ],
)
def test_one_image_has_one_name_however_it_is_written(written, meant):
    assert familiar(written) == meant


@pytest.mark.parametrize(
    ("reference", "name"),
    [
        ("redis", "redis"),
        ("docker.io/library/redis:7@sha256:0123", "redis"),
        ("registry:5000/shop/web", "registry:5000/shop/web"),
    ],
)
def test_the_repository_is_the_name_without_tag_and_digest(reference, name):
    assert repository(reference) == name
