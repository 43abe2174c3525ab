"""Writes one of the portal's policies as YAML to standard output."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from portal.core.errors import DomainError
from portal.policies import queries


class Command(BaseCommand):
    help = "Write a policy as YAML, as it was saved last."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("policy", help="its name, or the last part of its page's address")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            found = queries.named(options["policy"])
        except DomainError as error:
            raise CommandError(str(error), returncode=2) from error
        self.stdout.write(queries.as_yaml(queries.versions(found)[0]), ending="")
