"""A health check as docker run and as Compose write it."""

import shlex
from typing import Any

from scanner.model import Healthcheck
from scanner.remedy import units


def flags(check: Healthcheck) -> tuple[str, ...]:
    if check.disabled:
        return ("--no-healthcheck",)
    form, *words = check.test
    # docker run knows the shell's form only.
    command = words[0] if form == "CMD-SHELL" and words else shlex.join(words)
    return (f"--health-cmd {shlex.quote(command)}", *_times(check))


def _times(check: Healthcheck) -> list[str]:
    found = [
        f"--health-{name.replace('_', '-')} {units.duration(value)}"
        for name, value in _durations(check).items()
    ]
    return found + ([f"--health-retries {check.retries}"] if check.retries else [])


def service(check: Healthcheck) -> dict[str, Any]:
    if check.disabled:
        return {"disable": True}
    found: dict[str, Any] = {"test": list(check.test)}
    found |= {name: units.duration(value) for name, value in _durations(check).items()}
    return found | ({"retries": check.retries} if check.retries else {})


def _durations(check: Healthcheck) -> dict[str, int]:
    times = {
        "interval": check.interval,
        "timeout": check.timeout,
        "start_period": check.start_period,
    }
    return {name: value for name, value in times.items() if value}
