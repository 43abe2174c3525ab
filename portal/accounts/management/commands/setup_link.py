"""For an installation that nobody can sign in to yet."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.urls import reverse
from django.utils import timezone

from portal.accounts import actions
from portal.core.errors import DomainError


class Command(BaseCommand):
    help = "Print a new link for the first administrator; an earlier one no longer works."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--address", default="", help="what the link begins with")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            token = actions.issue_setup_link(timezone.now())
        except DomainError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{options['address']}{reverse('setup', args=[token])}")
