"""What was ever written into an image is read by everybody who may pull it."""

from collections.abc import Iterator
from typing import Annotated

import msgspec

from scanner.context import Context
from scanner.model import Image, Unread
from scanner.rule import Evidence, Family, Fix, Flaw, Rule, Severity

HISTORY = "history: CreatedBy"
WANTED = "no credential; a secret of the build, or a file at run time"


class Parameters(msgspec.Struct, frozen=True):
    allowed: Annotated[
        tuple[str, ...],
        msgspec.Meta(description="Names of variables that are known to hold no credential"),
    ] = ()


def check(image: Image, context: Context, parameters: Parameters) -> Iterator[Flaw]:
    evidence: dict[str, list[Evidence]] = {}
    for variable in image.environment:
        if variable.suspicion and variable.name not in parameters.allowed:
            found = {"name": variable.name, "why": variable.suspicion}
            evidence.setdefault(variable.name, []).append(Evidence("Config.Env", found, WANTED))
    unread = None
    try:
        for layer in image.history:
            for credential in layer.credentials:
                if credential.name and credential.name in parameters.allowed:
                    continue
                found = {"instruction": layer.instruction, "why": credential.suspicion}
                listed = evidence.setdefault(credential.name or layer.instruction, [])
                if all(fact.fact != HISTORY for fact in listed):  # later RUNs repeat an ARG
                    listed.append(Evidence(HISTORY, found, WANTED))
            if layer.truncated:
                reason = f"only the beginning of this was read: {layer.instruction}"
                unread = Unread(HISTORY, reason)
    except Unread as error:
        unread = error
    for name, facts in sorted(evidence.items()):
        yield Flaw(tuple(facts), name)
    if unread:
        raise unread


def rebuild(image: Image) -> Iterator[str]:
    names = {variable.name for variable in image.environment if variable.suspicion}
    for layer in image.history:
        for credential in layer.credentials:
            if credential.name and layer.keyword == "ARG":
                names.discard(credential.name)
                yield f"-ARG {credential.name}"
                yield f"+# docker build --secret id={credential.name},src=FILE"
                yield f"+# RUN --mount=type=secret,id={credential.name} ..."
    for name in sorted(names):
        yield f"-ENV {name}=..."
        yield f"+# The program reads the file /run/secrets/{name}."


RULE = Rule(
    slug="image-secrets",
    title="Image holds what looks like a credential",
    subject=Image,
    severity=Severity.HIGH,
    family=Family.IMAGES,
    report="",
    cis=("4.10",),
    reads=("Config.Env", HISTORY),
    why=(
        "Values of ENV and ARG and the commands of every layer stay in the image for good, also "
        "where a later layer takes them away. Whoever can pull the image, or may ask an engine "
        "that has it, reads them."
    ),
    links=(
        "https://docs.docker.com/build/building/secrets/",
        "https://docs.docker.com/reference/build-checks/secrets-used-in-arg-or-env/",
    ),
    parameters=Parameters,
    check=check,
    fix=Fix(
        summary=(
            "Change the credential, for it has been readable. Give it to the build as a secret, "
            "and to the program as a file; then build the image anew and remove the old one."
        ),
        side_effects="Secrets of the build need BuildKit, which is the default since Docker 23.",
        bad_dockerfile="ENV DATABASE_PASSWORD=for-the-tests-only\n",
        rebuild=rebuild,
    ),
)
