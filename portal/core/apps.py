from importlib import import_module

from django.apps import AppConfig


class CoreConfig(AppConfig):
    name = "portal.core"

    def ready(self) -> None:
        # Its check of the keys is registered by being imported.
        import_module("portal.core.secrets")
