from importlib import import_module

from django.apps import AppConfig


class SchedulesConfig(AppConfig):
    name = "portal.schedules"

    def ready(self) -> None:
        # The receivers need the models, which are there only now.
        import_module("portal.schedules.signals")
