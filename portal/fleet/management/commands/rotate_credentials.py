"""For whoever changes the key that credentials are encrypted with."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from portal.accounts import actions as accounts
from portal.core import display, secrets
from portal.fleet import actions as fleet


class Command(BaseCommand):
    help = "Encrypt what is kept anew, under the first key of PLIMSOLL_CREDENTIAL_KEYS."

    def handle(self, *args: Any, **options: Any) -> None:
        if wrong := secrets.problem():
            raise CommandError(wrong)
        done = fleet.rotate_credentials() + accounts.rotate_second_factors()
        self.stdout.write(
            f"{display.counted(done.anew, 'secret')} encrypted anew, "
            f"{display.integer(done.current)} under the first key already."
        )
        for what in done.lost:
            self.stderr.write(f"{what}: none of the keys decrypts it. It is left as it is.")
        if done.lost:
            raise CommandError(
                f"{display.counted(len(done.lost), 'secret')} could not be encrypted anew. Put the "
                "missing key back at the end of the list and run this again, or set them anew."
            )
        self.stdout.write("Nothing is left under another key.")
