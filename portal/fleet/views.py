"""The pages on which hosts are registered, changed and removed."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from portal.accounts import queries as people
from portal.accounts.rights import Right, reason, require
from portal.core.errors import DomainError
from portal.core.http import page
from portal.fleet import actions, forms, queries
from scanner import RULES

form_page = require_http_methods(["GET", "HEAD", "POST"])
FIRST_GROUP = {"group": forms.NEW_GROUP, "group_name": actions.DEFAULT_GROUP}


@form_page
def host_new(request: HttpRequest) -> HttpResponse:
    person: Any = request.user
    if request.method != "POST":
        return _form_page(request, "fleet/host_new", forms.HostForm(initial=_first_values()))
    require(person, Right.MANAGE_HOSTS)
    if request.POST.get("do") == "test":
        return _tested(request, "fleet/host_new")
    form = forms.HostForm(request.POST)
    if form.is_valid():
        scan_now = request.POST.get("do") != "save"
        try:
            host = actions.add_host(
                name=form.cleaned_data["name"],
                url=form.cleaned_data["url"],
                group=form.cleaned_data["group"],
                scan_now=scan_now,
                actor=person,
                now=timezone.now(),
            )
        except DomainError as error:
            form.add_error(None, str(error))
        else:
            first = "Its first scan starts now." if scan_now else "Nothing is scanned yet."
            messages.success(request, f"{host.name} is registered. {first}")
            return redirect("host_detail", host.slug)
    return _form_page(request, "fleet/host_new", form, status=422)


@form_page
def host_edit(request: HttpRequest, slug: str) -> HttpResponse:
    person: Any = request.user
    host = queries.host(slug)
    if request.method != "POST":
        form = forms.HostForm(initial=forms.as_shown(host), host=host)
        return _form_page(request, "fleet/host_edit", form)
    require(person, Right.MANAGE_HOSTS)
    if request.POST.get("do") == "test":
        return _tested(request, "fleet/host_edit", host=host)
    form = forms.HostForm(request.POST, host=host)
    if form.is_valid():
        try:
            host = actions.edit_host(
                host.pk,
                name=form.cleaned_data["name"],
                url=form.cleaned_data["url"],
                group=form.cleaned_data["group"],
                actor=person,
                now=timezone.now(),
            )
        except DomainError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, f"{host.name} is saved.")
            return redirect("host_detail", host.slug)
    return _form_page(request, "fleet/host_edit", form, status=422)


@form_page
def host_remove(request: HttpRequest, slug: str) -> HttpResponse:
    person: Any = request.user
    host = queries.host(slug)
    if request.method == "POST":
        require(person, Right.MANAGE_HOSTS)
    form = forms.RemoveForm(request.POST or None, name=host.name)
    if request.method == "POST" and form.is_valid():
        typed = form.cleaned_data["typed_name"]
        actions.remove_host(host.pk, typed_name=typed, actor=person, now=timezone.now())
        messages.success(request, f"{host.name} is removed, with its findings and its history.")
        return redirect("host_list")
    status = 422 if form.errors else 200
    context = {"form": form, "host": host, "refusal": reason(person, Right.MANAGE_HOSTS)}
    return page(request, "fleet/host_remove", context, status=status)


def _first_values() -> dict[str, Any]:
    found = {"transport": forms.UNIX} if forms.local_socket_found() else {}
    groups = queries.groups()
    # There is something to choose from, or one more press of a button is enough.
    chosen = {"group": str(groups[0].pk)} if groups else FIRST_GROUP
    return {"socket": forms.LOCAL_SOCKET, **chosen, **found}


def _tested(request: HttpRequest, template: str, host: Any = None) -> HttpResponse:
    """Tries the connection and saves nothing; what was filled in stays."""
    person: Any = request.user
    connection = forms.ConnectionForm(request.POST, host=host)
    values = request.POST.dict()
    context: dict[str, Any] = {"connection": connection}
    if connection.is_valid():
        tried = actions.try_connection(connection.cleaned_data["url"], actor=person)
        values["name"] = values.get("name") or tried.name[:100]
        same = [found for found in queries.same_engine(tried.engine_id) if found != host]
        taken = connection.taken
        context |= {"tried": tried, "same": [found for found in same if found != taken]}
    form = forms.HostForm(initial=values, host=host)
    status = 422 if connection.errors else 200
    return _form_page(request, template, form, status=status, **context)


def _form_page(
    request: HttpRequest, template: str, form: forms.HostForm, *, status: int = 200, **more: Any
) -> HttpResponse:
    """`form` has the fields; where only the connection was tried, `connection` has its errors."""
    person: Any = request.user
    connection = more.pop("connection", form)
    first = not queries.hosts().exists()
    context = {
        "form": form,
        "connection": connection,
        "host": form.host,
        "taken": connection.taken,
        "local_socket": forms.local_socket_found(),
        "rules": len(RULES),
        "first": first,
        "skipped": first and not people.has_second_factor(person),
        "refusal": reason(person, Right.MANAGE_HOSTS),
        **more,
    }
    return page(request, template, context, fragment="register", status=status)
