"""Ports that an image declares, and --publish-all or a careless reader then opens."""

import re
from collections.abc import Iterator
from typing import Annotated

import msgspec

from scanner.context import Context
from scanner.model import Image, Unread
from scanner.rule import Family, Fix, Flaw, Rule, Severity, flaw

FACT = "Config.ExposedPorts"
FIRST_UNPRIVILEGED = 1024
Number = Annotated[int, msgspec.Meta(ge=1, le=65535)]


class Parameters(msgspec.Struct, frozen=True):
    allowed: Annotated[
        tuple[Number, ...],
        msgspec.Meta(description="Ports that may be exposed although they are below 1024"),
    ] = (80, 443)
    remote_administration: Annotated[
        tuple[Number, ...],
        msgspec.Meta(description="Ports that fail above 1023 too, over TCP"),
    ] = (21, 22, 23, 25, 110, 2375, 3389, 5900)
    most: Annotated[
        int, msgspec.Meta(ge=0, description="How many ports an image may expose; 0 for any number")
    ] = 10


def check(image: Image, context: Context, parameters: Parameters) -> Iterator[Flaw]:
    unclear, count = None, 0
    for port in image.exposed_ports:
        found = re.fullmatch(r"(\d{1,5})(?:-(\d{1,5}))?/(\w+)", port)
        if found is None:
            unclear = unclear or Unread(FACT, f"{port[:80]!r} is no port")
            continue
        numbers = range(int(found[1]), int(found[2] or found[1]) + 1)
        count += len(numbers)
        if _wrong(numbers, found[3], parameters):
            listed = ", ".join(map(str, sorted(parameters.allowed))) or "none"
            wanted = f"no remote administration; below {FIRST_UNPRIVILEGED} only: {listed}"
            yield flaw(FACT, port, wanted, sub_object=port)
    if parameters.most and count > parameters.most:
        yield flaw(FACT, f"{count} ports", f"at most {parameters.most} ports")
    if unclear:
        raise unclear


def _wrong(numbers: range, protocol: str, parameters: Parameters) -> bool:
    remote = parameters.remote_administration if protocol == "tcp" else ()
    return any(
        number in remote or number < FIRST_UNPRIVILEGED
        for number in numbers
        if number not in parameters.allowed
    )


def rebuild(image: Image) -> Iterator[str]:
    """Ports of remote administration go, the others move up."""
    defaults = Parameters()
    for port in image.exposed_ports:
        number, _, protocol = port.partition("/")
        if number.isdigit() and _wrong(range(int(number), int(number) + 1), protocol, defaults):
            yield f"-EXPOSE {port}"
            if int(number) not in defaults.remote_administration:
                yield f"+EXPOSE {8000 + int(number)}/{protocol}"


RULE = Rule(
    slug="image-exposed-ports",
    title="Image exposes privileged, administrative or very many ports",
    subject=Image,
    severity=Severity.MEDIUM,
    family=Family.IMAGES,
    report="1.3(3)",
    cis=(),
    reads=(FACT,),
    why=(
        "What an image exposes is what people publish, and all of it is with --publish-all. A port "
        "below 1024 makes the program want more rights than it needs, and one of remote "
        "administration is a second way in."
    ),
    links=("https://docs.docker.com/reference/dockerfile/#expose",),
    parameters=Parameters,
    check=check,
    fix=Fix(
        summary=(
            "Let the program listen on a port from 1024 on, expose that one, and leave out what "
            "callers do not need. A child image cannot take a port back: mend the image itself."
        ),
        side_effects="Who publishes the old ports must name the new ones, which are examples here.",
        bad_dockerfile="EXPOSE 22\nEXPOSE 636\n",
        rebuild=rebuild,
    ),
)
