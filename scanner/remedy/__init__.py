"""Advice: a rule's fix, rendered with a container's own values. Pure."""

from scanner.remedy.advice import Advice, Line, Rendering, advice
from scanner.remedy.compose import compose
from scanner.remedy.docker_run import docker_run
from scanner.remedy.settings import written

__all__ = ["Advice", "Line", "Rendering", "advice", "compose", "docker_run", "written"]
