"""What people fill in about a schedule. What can work is decided by `timing.check`."""

from collections.abc import Mapping
from datetime import datetime, time
from typing import Any

from django import forms
from django.forms import BaseFormSet, formset_factory

from portal.accounts import zones
from portal.core import display
from portal.core.errors import DomainError
from portal.schedules import queries, timing
from portal.schedules.timing import Blackout, Timetable

INTERVAL, DAILY, WEEKLY, CRON = "interval", "daily", "weekly", "cron"
KINDS = (
    (INTERVAL, "Every so often"),
    (DAILY, "Every day"),
    (WEEKLY, "On days of the week"),
    (CRON, "By a cron expression"),
)
OWN = {
    INTERVAL: ("every", "unit"),
    DAILY: ("daily_at",),
    WEEKLY: ("weekly_at", "days"),
    CRON: ("cron",),
}
"""The fields that belong to a kind of rhythm; those of the other kinds do not matter."""
UNITS = ((60, "minutes"), (3600, "hours"), (86_400, "days"), (1, "seconds"))
_DAYS = [(number, name[:3]) for number, name in enumerate(timing.DAYS)]
_SPARE = 2


def _time(label: str, example: str) -> forms.TimeField:
    return forms.TimeField(
        label=label,
        widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
        error_messages={
            "required": f"Give a time, such as {example}.",
            "invalid": f"Write the time as {example}.",
        },
    )


def _days(label: str) -> forms.TypedMultipleChoiceField:
    return forms.TypedMultipleChoiceField(
        label=label,
        coerce=int,
        choices=_DAYS,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose at least one day."},
    )


class BlackoutForm(forms.Form):
    """One window; one that is left empty does not count."""

    days = _days("Days on which it begins")
    begins = _time("Begins", "08:00")
    ends = _time("Ends", "18:00")

    use_required_attribute = False

    def read(self) -> Blackout | None:
        data = self.cleaned_data
        if not data.get("days"):
            return None
        return Blackout(tuple(sorted(data["days"])), data["begins"], data["ends"])


BlackoutForms = formset_factory(
    BlackoutForm,
    extra=_SPARE,
    max_num=timing.MOST_BLACKOUTS,
    absolute_max=timing.MOST_BLACKOUTS,
    validate_max=True,
    can_delete=True,
    can_delete_extra=False,
)


class ScheduleForm(forms.Form):
    """`timetable` and `host_ids` are in the cleaned data of one that is right."""

    name = forms.CharField(
        label="Name", max_length=100, error_messages={"required": "Give the schedule a name."}
    )
    kind = forms.ChoiceField(
        label="When", choices=KINDS, error_messages={"required": "Choose when it runs."}
    )
    every = forms.IntegerField(
        label="Number",
        min_value=1,
        max_value=timing.LONGEST,
        error_messages={"required": "Say how often."},
    )
    unit = forms.ChoiceField(label="Unit", choices=UNITS)
    daily_at = _time("At", "02:00")
    weekly_at = _time("At", "02:00")
    days = _days("Days")
    cron = forms.CharField(
        label="Expression",
        max_length=100,
        help_text="Minute, hour, day of the month, month, day of the week; as in 30 2 1 * *.",
        widget=forms.TextInput(attrs={"class": "code-input", "spellcheck": "false"}),
        error_messages={"required": "Write the expression, such as 30 2 * * 1-5."},
    )
    zone = forms.ChoiceField(
        label="Time zone",
        choices=zones.by_region,
        help_text="Of the times here, also those of the blackout windows.",
        error_messages={"invalid_choice": "This machine does not know this time zone."},
    )
    spread = forms.IntegerField(
        label="Spread over minutes",
        min_value=0,
        max_value=timing.MOST_JITTER // 60,
        help_text="Each host begins up to so much later, always by the same, so that not all "
        "are scanned at once. 0 begins all at once.",
    )
    hosts = forms.CharField(
        label="Single hosts",
        required=False,
        max_length=200_000,
        help_text="By name, one in a line. A host's own schedule goes before its group's.",
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
    )

    use_required_attribute = False

    def __init__(self, data: Any = None, *, now: datetime, first: Mapping[str, Any]) -> None:
        """`first` is what it begins with, as `as_shown` gives it."""
        super().__init__(data, initial={**first})
        self.now = now
        self.blackouts: BaseFormSet[BlackoutForm] = BlackoutForms(
            data, prefix="blackout", initial=first.get("blackouts", [])
        )

    @property
    def kind_chosen(self) -> str:
        return str(self["kind"].value() or "")

    @property
    def faults(self) -> list[str]:
        """What keeps it from saying when it runs; its name and hosts do not matter for that."""
        names = [name for name in self.errors if name not in ("name", "hosts")]
        return [str(text) for name in names for text in self.errors[name]]

    def clean(self) -> dict[str, Any]:
        data = self.cleaned_data
        for kind, names in OWN.items():
            for name in names if kind != data.get("kind") else ():
                self.errors.pop(name, None)
                data.pop(name, None)
        blackouts = self._blackouts()
        rhythm = self._rhythm(data) if data.get("kind") else None
        self._clean_hosts(data)
        if rhythm is None or blackouts is None or {"zone", "spread"} & set(self.errors):
            return data
        found = Timetable(
            zone=data["zone"], jitter=data["spread"] * 60, blackouts=blackouts, **rhythm
        )
        try:
            timing.check(found, now=self.now)
        except DomainError as error:
            self.add_error("cron" if "cron" in str(error) else None, str(error))
        else:
            data["timetable"] = found
        return data

    def _rhythm(self, data: Mapping[str, Any]) -> dict[str, Any] | None:
        """The part of a timetable; None where its fields are not right."""
        kind = data["kind"]
        if set(OWN[kind]) & set(self.errors):
            return None
        if kind == INTERVAL:
            return {"interval": data["every"] * int(data["unit"])}
        if kind == CRON:
            return {"cron": " ".join(data["cron"].split())}
        at: time = data["daily_at"] if kind == DAILY else data["weekly_at"]
        return {"cron": timing.simple_cron(at, tuple(data.get("days", ())))}

    def _blackouts(self) -> tuple[Blackout, ...] | None:
        """Those that are filled in; None where one is not right. What is wrong with them is said
        above the form, and beside each."""
        if not self.blackouts.is_valid():
            for number, form in enumerate(self.blackouts.forms, 1):
                for error in [text for texts in form.errors.values() for text in texts]:
                    self.add_error(None, f"Blackout window {number}: {error}")
            for text in self.blackouts.non_form_errors():
                self.add_error(None, f"Blackout windows: {text}")
            return None
        kept = [form for form in self.blackouts.forms if not form.cleaned_data.get("DELETE")]
        found = [form.read() for form in kept]
        return tuple(blackout for blackout in found if blackout is not None)

    def _clean_hosts(self, data: dict[str, Any]) -> None:
        names = {" ".join(line.split()) for line in data.get("hosts", "").splitlines()} - {""}
        found = queries.named(names)
        data["host_ids"] = found.ids
        if found.unknown:
            first = ", ".join(sorted(found.unknown)[:3])
            more = len(found.unknown) - 3
            also = f" and {display.integer(more)} more" if more > 0 else ""
            self.add_error("hosts", f"There is no host {first}{also}.")


def as_shown(timetable: Timetable) -> dict[str, Any]:
    """What the form begins with for a timetable."""
    found: dict[str, Any] = {
        "zone": timetable.zone,
        "spread": -(-timetable.jitter // 60),
        "unit": 3600,
        "blackouts": [
            {"days": list(each.days), "begins": each.begins, "ends": each.ends}
            for each in timetable.blackouts
        ],
    }
    simple = timing.simple_times(timetable.cron)
    if timetable.interval:
        unit = next(unit for unit in (86_400, 3600, 60, 1) if timetable.interval % unit == 0)
        unit = 3600 if unit == 86_400 and timetable.interval == unit else unit
        return {**found, "kind": INTERVAL, "every": timetable.interval // unit, "unit": unit}
    if simple is None:
        return {**found, "kind": CRON, "cron": timetable.cron}
    at, days = simple
    if days:
        return {**found, "kind": WEEKLY, "weekly_at": at, "days": list(days)}
    return {**found, "kind": DAILY, "daily_at": at}
