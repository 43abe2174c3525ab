from importlib import import_module

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "portal.accounts"

    def ready(self) -> None:
        # The receivers need the models, which are there only now.
        import_module("portal.accounts.signals")
