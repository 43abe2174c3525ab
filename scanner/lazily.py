"""Modules that take long to load, for those who may not need them: half a second for SSH alone."""

import importlib
from typing import Any


class Lazily:
    """Stands for a module, which is loaded when something of it is first asked for."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        return getattr(importlib.import_module(self._name), attribute)
