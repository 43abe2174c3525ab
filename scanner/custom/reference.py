"""What the language offers, for documents and pages. Pure."""

from typing import NamedTuple

from scanner.custom import kinds
from scanner.custom.build import FACTS
from scanner.custom.functions import FUNCTIONS

SUBJECTS = tuple(kinds.SUBJECTS)


class Field(NamedTuple):
    """`fact` is the engine's own name, or "" where it has none or the model derives it."""

    name: str
    kind: str
    nullable: bool
    fact: str


class Model(NamedTuple):
    name: str
    fields: tuple[Field, ...]


class Call(NamedTuple):
    """`form` is how it is written."""

    form: str
    gives: str
    says: str


def roots(subject: str) -> tuple[Field, ...]:
    """What an expression about such a subject may name, without `params` and `item`."""
    found = kinds.roots(subject).items()
    return tuple(Field(name, str(kind), kind.nullable, "") for name, kind in found)


def models() -> tuple[Model, ...]:
    """Every part of the model, with what it has."""
    found = []
    for model in kinds.models():
        facts = FACTS.get(model.__name__.lower(), {})
        fields = tuple(
            Field(name, str(kind), kind.nullable, facts.get(name, ""))
            for name, kind in kinds.fields(model).items()
        )
        if fields:
            found.append(Model(model.__name__, fields))
    return tuple(found)


def calls() -> tuple[Call, ...]:
    found = []
    for function in FUNCTIONS.values():
        taken = [" or ".join(map(str, kinds_taken)) for kinds_taken in function.takes]
        if function.method:
            form = f"{taken[0]}.{function.name}({', '.join(taken[1:])})"
        else:
            form = f"{function.name}({', '.join(taken)})"
        found.append(Call(form, str(function.gives), function.says))
    return tuple(found)
