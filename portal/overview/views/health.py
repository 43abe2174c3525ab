"""System health: whether the product can do its job, what it takes, and how long it keeps it."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from portal.accounts.rights import Right, reason, require
from portal.compliance import actions
from portal.compliance.forms import RetentionForm
from portal.compliance.queries import retention, sizes
from portal.core.http import page, wants_fragment
from portal.overview.queries import health as queries


@require_http_methods(["GET", "HEAD", "POST"])
def system_health(request: HttpRequest) -> HttpResponse:
    person: Any = request.user
    require(person, Right.SEE_HEALTH)
    now = timezone.now()
    if wants_fragment(request) and request.method != "POST":
        context = {"system": queries.system(now), "now": now}
        return page(request, "overview/system_health", context, fragment="health")
    form = RetentionForm(retention.kept(), request.POST if request.method == "POST" else None)
    if request.method == "POST":
        require(person, Right.MANAGE_RETENTION)
        if form.is_valid():
            actions.set_retention(form.cleaned_data, actor=person, now=now)
            messages.success(request, "Saved. What is older is deleted in the next night.")
            return redirect("system_health")
    taken = sizes.sizes(now)
    context = {
        "system": queries.system(now),
        "now": now,
        "form": form,
        "kinds": [(about, form[kind], taken[kind]) for kind, about in retention.KINDS.items()],
        "rest": taken[""],
        "versions": queries.versions(),
        "refusal": reason(person, Right.MANAGE_RETENTION),
    }
    status = 422 if form.errors else 200
    return page(request, "overview/system_health", context, status=status)
