"""The pages on which policies are read, changed, previewed, compared, exchanged and removed."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from portal.accounts.rights import Right, may, reason, require
from portal.compliance import whatif
from portal.core.errors import DomainError
from portal.core.http import page
from portal.overview.queries import policies as shown
from portal.policies import actions, queries
from portal.policies.actions import Draft
from portal.policies.forms import SEVERITIES, STATES, RulesForm
from scanner import policies as written
from scanner import policy_file
from scanner.custom import Refused

form_page = require_http_methods(["GET", "HEAD", "POST"])
KINDS = {
    whatif.APPEAR: "Would open",
    whatif.VANISH: "Would close",
    whatif.UNKNOWN: "Would become unknown",
    whatif.MOVED: "Would get another severity",
}
_EFFECTIVE = "Each host is judged by it from its next scan."


@require_safe
def policy_list(request: HttpRequest) -> HttpResponse:
    person: Any = request.user
    context = {"rows": shown.rows(), "refusal": reason(person, Right.MANAGE_POLICIES)}
    return page(request, "overview/policy_list", context)


class Sheet:
    """The form of a policy, that exists (`policy`, in the version `current`) or does not yet, as
    it begins or as it was sent."""

    def __init__(self, request: HttpRequest, policy: Any, current: Any, start: Any) -> None:
        self.request, self.policy, self.current = request, policy, current
        person: Any = request.user
        self.person = person
        self.sent = request.POST if request.method == "POST" else None
        self.start = start
        self.form = RulesForm(queries.catalogue(), queries.settings_of(start), self.sent)
        self.groups = shown.chosen_groups(request.POST) if self.sent is not None else None
        self.error = ""
        self.status = 200
        self.preview: whatif.Preview | None = None
        if self.sent is not None:
            require(self.person, Right.MANAGE_POLICIES)
            if self.form.mistakes:
                self.status = 422
            elif self.do != "save":
                self.preview = self._preview()

    @property
    def do(self) -> str:
        return str(self.request.POST.get("do", ""))

    def _text(self, name: str, begins: str = "") -> str:
        return begins if self.sent is None else str(self.sent.get(name, ""))[:2000]

    def _preview(self) -> whatif.Preview:
        edit = whatif.Edit(
            self.policy.pk if self.policy else None, self.form.settings, self.groups or frozenset()
        )
        return whatif.preview(edit, now=timezone.now())

    @property
    def wants_saving(self) -> bool:
        return self.sent is not None and self.do == "save" and not self.form.mistakes

    def draft(self) -> Draft:
        known = queries.catalogue()
        rules = written.plain(self.form.settings)
        return Draft(
            self._text("name"),
            self._text("description"),
            {slug: found for slug, found in rules.items() if slug in known},
            self.groups or frozenset(),
        )

    def refused(self, error: DomainError) -> None:
        self.error, self.status = str(error), error.status

    def context(self) -> dict[str, Any]:
        start = self.start
        return {
            "policy": self.policy,
            "current": self.current,
            "name": self._text("name", start.name if start and self.policy else ""),
            "description": self._text("description", start.description if start else ""),
            "comment": self._text("comment"),
            "families": self.form.families(),
            "total": len(self.form.rows),
            "set": sum(row.set for row in self.form.rows),
            "mistakes": self.form.mistakes,
            "groups": shown.group_choices(self.policy, self.groups),
            "states": [(state.value, label) for state, label in STATES.items()],
            "severities": SEVERITIES,
            "refusal": reason(self.person, Right.MANAGE_POLICIES),
            "error": self.error,
            **effect(self.preview),
        }


def effect(preview: whatif.Preview | None) -> dict[str, Any]:
    """What the template of a preview wants; nothing where there is none."""
    if preview is None:
        return {"preview": None}
    return {
        "preview": preview,
        "kinds": [
            (kind, label, preview.amounts[kind], shown.effects(preview.lines[kind]))
            for kind, label in KINDS.items()
            if preview.amounts[kind]
        ],
        "parts": [
            (part, [part.amounts[kind] for kind in KINDS])
            for part in preview.parts
            if any(part.amounts.values())
        ],
        "most": whatif.MOST_LINES,
    }


@form_page
def policy_new(request: HttpRequest) -> HttpResponse:
    copied = request.GET.get("from", "").replace("\0", "")
    start = queries.versions(queries.policy(copied))[0] if copied else None
    sheet = Sheet(request, None, None, start)
    if sheet.wants_saving:
        try:
            version = actions.create_policy(
                sheet.draft(),
                comment=request.POST.get("comment", ""),
                actor=sheet.person,
                now=timezone.now(),
            )
        except DomainError as error:
            sheet.refused(error)
        else:
            messages.success(request, f"{version} is saved. {_EFFECTIVE}")
            return redirect("policy_detail", version.policy.slug)
    context = {**sheet.context(), "copied": start}
    return page(request, "overview/policy_new", context, fragment="preview", status=sheet.status)


@form_page
def policy_detail(request: HttpRequest, slug: str) -> HttpResponse:
    policy = queries.policy(slug)
    current = queries.versions(policy)[0]
    number = request.GET.get("from", "")
    start = queries.version(policy, int(number)) if number.isdecimal() else current
    sheet = Sheet(request, policy, current, start)
    if sheet.wants_saving:
        based_on = request.POST.get("based_on", "")
        try:
            version = actions.save_policy(
                slug,
                sheet.draft(),
                based_on=int(based_on) if based_on.isdecimal() else 0,
                comment=request.POST.get("comment", ""),
                actor=sheet.person,
                now=timezone.now(),
            )
        except DomainError as error:
            sheet.refused(error)
        else:
            messages.success(request, f"{version} is saved. {_EFFECTIVE}")
            return redirect("policy_detail", slug)
    manages = may(sheet.person, Right.MANAGE_POLICIES)
    context = {
        **sheet.context(),
        "start": start if start.number != current.number else None,
        "shadows": shown.in_shadow(policy, queries.settings_of(current)) if manages else [],
    }
    return page(request, "overview/policy_detail", context, fragment="preview", status=sheet.status)


@require_safe
def policy_versions(request: HttpRequest, slug: str) -> HttpResponse:
    """All versions, and two of them side by side: the newest and the one before, unless others are
    asked for."""
    policy = queries.policy(slug)
    versions = list(queries.versions(policy))
    numbers = [version.number for version in versions]
    new = _asked(request, "new", numbers, numbers[0])
    old = _asked(request, "old", numbers, numbers[min(1, len(numbers) - 1)])
    by_number = {version.number: version for version in versions}
    old, new = min(old, new), max(old, new)
    context = {
        "policy": policy,
        "versions": versions,
        "comparison": (shown.comparison(by_number[old], by_number[new]) if old != new else None),
        "old": old,
        "new": new,
        "refusal": reason(request.user, Right.MANAGE_POLICIES),  # type: ignore[arg-type]
    }
    return page(request, "overview/policy_versions", context)


def _asked(request: HttpRequest, name: str, known: list[int], otherwise: int) -> int:
    text = request.GET.get(name, "")
    number = int(text) if text.isdecimal() and len(text) < 10 else 0
    return number if number in known else otherwise


@require_safe
def policy_export(request: HttpRequest, slug: str) -> HttpResponse:
    """A policy file; `full=1` also writes what is as each rule comes."""
    policy = queries.policy(slug)
    number = request.GET.get("version", "")
    versions = queries.versions(policy)
    version = queries.version(policy, int(number)) if number.isdecimal() else versions[0]
    body = queries.as_yaml(version, full=request.GET.get("full") == "1")
    name = f"{slug}-v{version.number}.yaml"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(body, content_type="application/yaml; charset=utf-8", headers=headers)


@form_page
def policy_import(request: HttpRequest) -> HttpResponse:
    person: Any = request.user
    text, comment = request.POST.get("text", ""), request.POST.get("comment", "")
    context: dict[str, Any] = {"status": 200, **effect(None)}
    if request.method == "POST":
        require(person, Right.MANAGE_POLICIES)
        if uploaded := request.FILES.get("file"):
            text = uploaded.read(policy_file.MOST_CHARACTERS * 4 + 1).decode("utf-8", "replace")
        try:
            found = policy_file.read(text, queries.catalogue())
            if request.POST.get("do") == "save":
                version = actions.import_policy(
                    found, comment=comment, actor=person, now=timezone.now()
                )
                messages.success(request, f"{version} is saved. {_EFFECTIVE}")
                return redirect("policy_detail", version.policy.slug)
            context |= _imported(found)
        except Refused as refused:
            context |= {"problems": refused.problems, "status": 422}
        except DomainError as error:
            context |= {"error": str(error), "status": error.status}
    context |= {
        "text": text,
        "comment": comment,
        "refusal": reason(person, Right.MANAGE_POLICIES),
    }
    status = context.pop("status")
    return page(request, "overview/policy_import", context, fragment="preview", status=status)


def _imported(found: policy_file.PolicyFile) -> dict[str, Any]:
    policy = shown.of_name(found.name)
    edit = whatif.Edit(
        policy.pk if policy else None,
        found.settings,
        shown.groups_of(policy) if policy else frozenset(),
    )
    return {"found": found, "policy": policy, **effect(whatif.preview(edit, now=timezone.now()))}


@require_POST
def policy_default(request: HttpRequest, slug: str) -> HttpResponse:
    person: Any = request.user
    policy = queries.policy(slug)
    actions.make_default(slug, actor=person, now=timezone.now())
    messages.success(
        request, f"{policy.name} is for every group without a policy of its own. {_EFFECTIVE}"
    )
    return redirect("policy_detail", slug)


@form_page
def policy_remove(request: HttpRequest, slug: str) -> HttpResponse:
    person: Any = request.user
    policy = queries.policy(slug)
    if request.method == "POST":
        actions.remove_policy(slug, actor=person, now=timezone.now())
        messages.success(request, f"{policy.name} is removed. Its versions are kept.")
        return redirect("policy_list")
    context = {
        "policy": policy,
        "default": shown.default(),
        "groups": [found.group.name for found in shown.group_choices(policy, None) if found.chosen],
        "refusal": reason(person, Right.MANAGE_POLICIES),
    }
    return page(request, "overview/policy_remove", context)
