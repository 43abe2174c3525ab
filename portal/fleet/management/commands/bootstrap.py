"""What an installation needs before it serves: its tables, its files, somebody who may sign in."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.urls import reverse
from django.utils import timezone

from portal.accounts import actions as accounts
from portal.accounts import queries as people
from portal.core import secrets
from portal.core.errors import DomainError
from portal.fleet import actions as fleet


class Command(BaseCommand):
    help = "Migrate, collect static files, create what PLIMSOLL_BOOTSTRAP_* names; repeatable."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--no-static", action="store_true", help="the static files are there already"
        )
        parser.add_argument("--address", default="", help="what the setup link begins with")

    def handle(self, *args: Any, **options: Any) -> None:
        if wrong := secrets.problem():
            raise CommandError(wrong)
        # One process for all three: each start of Django costs a second.
        call_command("migrate", interactive=False, verbosity=0)
        if not options["no_static"]:
            call_command("collectstatic", interactive=False, verbosity=0)
        try:
            self.stdout.write(self._administrator(options["address"]))
        except DomainError as error:
            raise CommandError(f"PLIMSOLL_BOOTSTRAP_EMAIL or _PASSWORD: {error}") from error
        try:
            self._host()
        except DomainError as error:
            raise CommandError(f"PLIMSOLL_BOOTSTRAP_HOST: {error}") from error

    def _host(self) -> None:
        if settings.BOOTSTRAP_HOST:
            host = fleet.bootstrap_host(settings.BOOTSTRAP_HOST, now=timezone.now())
            if host is not None:
                self.stdout.write(f"Registered {host.url} as {host.name}; its first scan is due.")

    def _administrator(self, address: str) -> str:
        now = timezone.now()
        if people.administrator_exists():
            return "Sign in with your account."
        email, password = settings.BOOTSTRAP_EMAIL, settings.BOOTSTRAP_PASSWORD
        if bool(email) != bool(password):
            raise DomainError("Both must be given, or neither.")
        if email:
            accounts.create_first_administrator(email, email.split("@")[0], password, now)
            return f"Sign in as {email}."
        path = reverse("setup", args=[accounts.issue_setup_link(now)])
        return f"Create the first administrator, once and within 24 hours:\n  {address}{path}"
