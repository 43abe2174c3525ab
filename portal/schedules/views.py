"""The pages on which schedules are read, changed, previewed and removed, and given to a host."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from portal.accounts.rights import Right, reason, require
from portal.core import display
from portal.core.errors import DomainError
from portal.core.http import page, wants_fragment
from portal.fleet import queries as fleet
from portal.schedules import actions, forms, queries
from portal.schedules.actions import Draft
from portal.schedules.timing import Timetable

form_page = require_http_methods(["GET", "HEAD", "POST"])
FIRST = {"kind": forms.DAILY, "daily_at": "02:00", "weekly_at": "02:00", "unit": 3600, "every": 6}
"""What stands in the fields that a schedule does not use."""
PREVIEWED = 5


@require_safe
def schedule_list(request: HttpRequest) -> HttpResponse:
    person: Any = request.user
    now = timezone.now()
    late = queries.late(now)
    context = {
        "rows": queries.rows(now),
        "late": late,
        "late_text": f"{display.counted(late, 'host')} waited more than 10 minutes for a scan that "
        "was due, or is never due. A worker or the dispatcher may not be running.",
        "refusal": reason(person, Right.MANAGE_SCHEDULES),
    }
    return page(request, "schedules/schedule_list", context)


@form_page
def schedule_new(request: HttpRequest) -> HttpResponse:
    return _edit(request, None)


@form_page
def schedule_detail(request: HttpRequest, slug: str) -> HttpResponse:
    return _edit(request, queries.schedule(slug))


def _edit(request: HttpRequest, found: Any) -> HttpResponse:
    person: Any = request.user
    now = timezone.now()
    sent = request.POST if request.method == "POST" else None
    if sent is not None:
        require(person, Right.MANAGE_SCHEDULES)
    form = forms.ScheduleForm(sent, now=now, first=_first(found))
    valid = sent is not None and form.is_valid()
    groups = frozenset(_numbers(sent.getlist("group"))) if sent is not None else None
    status = 422 if sent is not None and not valid else 200
    if sent is not None and valid and sent.get("do") == "save":
        data = form.cleaned_data
        draft = Draft(data["name"], data["timetable"], groups or frozenset(), data["host_ids"])
        try:
            if found is None:
                saved = actions.create_schedule(draft, actor=person, now=now)
            else:
                saved = actions.save_schedule(found.slug, draft, actor=person, now=now)
        except DomainError as error:
            form.add_error(None, str(error))
            status = error.status
        else:
            messages.success(request, f"{saved.name} is saved. Its hosts keep to it from now on.")
            return redirect("schedule_detail", saved.slug)
    if wants_fragment(request):
        status = 200  # what is wrong is what the preview says
    context = {
        "schedule": found,
        "form": form,
        "groups": queries.group_choices(found, groups),
        "refusal": reason(person, Right.MANAGE_SCHEDULES),
        **_preview(form, found, now),
        **_about(found),
    }
    template = "schedules/schedule_detail" if found else "schedules/schedule_new"
    return page(request, template, context, fragment="preview", status=status)


def _first(found: Any) -> dict[str, Any]:
    if found is None:
        zone = timezone.get_current_timezone_name()
        return {**FIRST, "zone": zone, "spread": 30}
    hosts = "\n".join(queries.own_hosts(found))
    return {**FIRST, **forms.as_shown(found.timetable), "name": found.name, "hosts": hosts}


def _preview(form: forms.ScheduleForm, found: Any, now: Any) -> dict[str, Any]:
    """The next runs of what the form says; nothing where that cannot work yet."""
    timetable: Timetable | None = None
    if form.is_bound:
        timetable = getattr(form, "cleaned_data", {}).get("timetable")
    elif found is not None:
        timetable = found.timetable
    if timetable is None:
        return {"timetable": None, "faults": form.faults}
    return {
        "timetable": timetable,
        "words": queries.words(timetable),
        "details": queries.details(timetable),
        "runs": queries.coming(timetable, now, PREVIEWED),
        "clock_changes": queries.clock_changes(timetable, now),
    }


def _about(found: Any) -> dict[str, Any]:
    return (
        {"next": queries.next_of(found), "hosts": queries.hosts_of(found).count()} if found else {}
    )


def _numbers(texts: list[str]) -> list[int]:
    return [int(text) for text in texts if text.isascii() and text.isdigit() and len(text) < 19]


@form_page
def schedule_remove(request: HttpRequest, slug: str) -> HttpResponse:
    person: Any = request.user
    found = queries.schedule(slug)
    if request.method == "POST":
        actions.remove_schedule(slug, actor=person, now=timezone.now())
        messages.success(request, f"{found.name} is removed. Its hosts have another schedule now.")
        return redirect("schedule_list")
    context = {
        "schedule": found,
        "hosts": queries.hosts_of(found).count(),
        "refusal": reason(person, Right.MANAGE_SCHEDULES),
    }
    return page(request, "schedules/schedule_remove", context)


@form_page
def host_schedule(request: HttpRequest, slug: str) -> HttpResponse:
    """Which schedule the host has, and whether it is its own."""
    person: Any = request.user
    host = fleet.host(slug)
    if request.method == "POST":
        wanted = request.POST.get("schedule", "").replace("\0", "")
        actions.choose(host.pk, wanted, actor=person, now=timezone.now())
        messages.success(request, f"The schedule of {host.name} is saved.")
        return redirect("host_detail", host.slug)
    context = {
        "host": host,
        "chosen": queries.of_host(host),
        "otherwise": queries.without_own(host),
        "choices": queries.choices(),
        "refusal": reason(person, Right.MANAGE_SCHEDULES),
    }
    return page(request, "schedules/host_schedule", context)
