"""Names of images, compared as the engine would resolve them. Pure."""


def familiar(name: str) -> str:
    """The name with its tag, as the engine lists it: `docker.io/library/redis` is `redis:latest`.

    `name` holds no digest. A colon before the last slash belongs to the registry's port.
    """
    for registry in ("docker.io/", "index.docker.io/"):
        name = name.removeprefix(registry)
    name = name.removeprefix("library/")
    return name if ":" in name.rpartition("/")[2] else f"{name}:latest"


def repository(reference: str) -> str:
    """The name without tag and digest: `docker.io/library/redis:7@sha256:...` is `redis`."""
    return familiar(reference.partition("@")[0]).rpartition(":")[0]
