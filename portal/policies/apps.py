from importlib import import_module

from django.apps import AppConfig


class PoliciesConfig(AppConfig):
    name = "portal.policies"

    def ready(self) -> None:
        # The receiver needs the models, which are there only now.
        import_module("portal.policies.signals")
