"""Saves a policy file as a new version of the policy that it names, or as a new policy."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from portal.core.errors import DomainError
from portal.policies import actions, queries
from scanner import policy_file
from scanner.custom import Refused


class Command(BaseCommand):
    help = "Save a policy file as a new version of the policy that it names, or as a new policy."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", help="a policy as YAML; - for standard input")
        parser.add_argument("--comment", required=True, help="what was changed, and why")

    def handle(self, *args: Any, **options: Any) -> None:
        name = options["file"]
        try:
            found = policy_file.read(_text(name), queries.catalogue())
            version = actions.import_policy(
                found, comment=options["comment"], actor=None, now=timezone.now()
            )
        except Refused as refused:
            lines = "\n".join(f"{name}:{p.line}:{p.column}: {p.message}" for p in refused.problems)
            raise CommandError(f"Nothing was saved.\n{lines}", returncode=1) from refused
        except DomainError as error:
            raise CommandError(str(error), returncode=2) from error
        self.stdout.write(f"{version} is in force from each host's next scan.")


def _text(name: str) -> str:
    try:
        with sys.stdin.buffer if name == "-" else Path(name).open("rb") as file:
            return file.read(policy_file.MOST_CHARACTERS * 4 + 1).decode()
    except OSError as error:
        raise CommandError(f"{name} cannot be read: {error.strerror}", returncode=2) from error
    except UnicodeDecodeError as error:
        raise CommandError(f"{name} is no text in UTF-8", returncode=2) from error
