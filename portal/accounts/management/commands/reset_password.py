"""For somebody who cannot sign in any more: Plimsoll sends no mail, so no reset links either."""

import getpass
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from portal.accounts import actions
from portal.core.errors import DomainError


class Command(BaseCommand):
    help = "Give a person a new password, asked for here, and end all their sessions."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email")
        parser.add_argument(
            "--two-step-off", action="store_true", help="for a lost phone: turn two-step login off"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        asks = sys.stdin.isatty()
        password = getpass.getpass("New password: ") if asks else sys.stdin.readline().rstrip("\n")
        try:
            actions.reset_password(
                options["email"],
                password=password,
                two_step_off=options["two_step_off"],
                now=timezone.now(),
            )
        except DomainError as error:
            raise CommandError(str(error)) from error
        self.stdout.write("The new password works now.")
