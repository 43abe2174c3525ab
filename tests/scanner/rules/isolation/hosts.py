"""Engines that this machine's kernel or its version of the engine cannot give."""

from typing import Any

from msgspec.structs import replace

from scanner.context import Context
from scanner.model import Container
from tests.recorded import context, host

SECCOMP = "name=seccomp,profile=default"


def on_engine(
    *containers: Container, options: tuple[str, ...] = (SECCOMP,), **facts: Any
) -> Context:
    """The recorded engine with other security options, or another API version."""
    return context(*containers, host=replace(host(), security_options=options, **facts))
