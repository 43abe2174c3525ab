"""Files of a form stay in memory, however large they and the rest of the form are."""

from django.core.files.uploadedfile import InMemoryUploadedFile, SimpleUploadedFile
from django.test import RequestFactory
from pytest_django.fixtures import Settings


def received(**files: bytes) -> dict[str, InMemoryUploadedFile]:
    given = {name: SimpleUploadedFile(f"{name}.pem", content) for name, content in files.items()}
    request = RequestFactory().post("/", given)
    return {name: request.FILES[name] for name in files}  # type: ignore[misc]


def test_a_file_comes_whole_and_in_memory(settings: Settings):
    [found] = received(key=b"x" * 200_000).values()
    assert isinstance(found, InMemoryUploadedFile)
    assert (found.read(), found.size, found.name) == (b"x" * 200_000, 200_000, "key.pem")


def test_of_one_that_is_too_large_only_the_size_is_kept(settings: Settings):
    settings.FILE_UPLOAD_MAX_MEMORY_SIZE = 100_000
    found = received(key=b"key", huge=b"y" * 300_000)
    assert all(isinstance(file, InMemoryUploadedFile) for file in found.values())
    assert found["key"].read() == b"key"
    assert found["huge"].size == 300_000
    assert found["huge"].read() == b""
