"""The pages on which custom rules are written, tried on what is stored, and retired."""

import difflib
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from portal.accounts.rights import Right, reason, require
from portal.core.errors import DomainError, NotFound
from portal.core.http import page, wants_fragment
from portal.fleet.queries import groups, hosts
from portal.policies import actions, queries
from scanner.custom import reference

form_page = require_http_methods(["GET", "HEAD", "POST"])
MOST_HOSTS = 300
_LONGEST = 20_000
_SPARE_LINES = 40

EXAMPLE = """\
slug: custom-no-latest
title: Container runs an image by the tag latest
subject: container
severity: medium
why: >
  Behind latest there is another image tomorrow. Nobody can say what ran
  yesterday, or start the same again.
fix: Start the container from a version, such as registry.example.com/shop:4.2.
fails_when: imageTag(container.image) == "latest"
evidence: container.image
wanted: a version or a digest
"""


@require_safe
def custom_rule_list(request: HttpRequest) -> HttpResponse:
    person: Any = request.user
    context = {
        "rows": queries.custom_rules(),
        "retired": queries.retired(),
        "refusal": reason(person, Right.MANAGE_POLICIES),
    }
    return page(request, "overview/custom_rule_list", context)


@form_page
def custom_rule_new(request: HttpRequest) -> HttpResponse:
    sheet = Sheet(request, EXAMPLE)
    if request.method == "POST":
        require(sheet.person, Right.MANAGE_POLICIES)
        if sheet.do == "try":
            sheet.trial()
        elif rule := sheet.save(actions.create_rule):
            messages.success(
                request,
                f"{rule.slug} is saved. It begins in shadow: hosts are judged by it from their "
                "next scan, and nothing of it counts until a policy switches it on.",
            )
            return redirect("custom_rule_detail", rule.slug)
    return page(
        request,
        "overview/custom_rule_new",
        sheet.context(),
        fragment="trial",
        status=sheet.status,
    )


@form_page
def custom_rule_detail(request: HttpRequest, slug: str) -> HttpResponse:
    rule = queries.custom_rule(slug)
    versions = list(queries.rule_versions(rule))
    sheet = Sheet(request, versions[0].text)
    if request.method == "POST":
        require(sheet.person, Right.MANAGE_POLICIES)
        if done := _changed(request, sheet, slug):
            messages.success(request, done)
            return redirect("custom_rule_detail", slug)
    context = {
        **sheet.context(),
        "rule": rule,
        "current": versions[0],
        "history": [
            {
                "at": version.at,
                "actor": version.author or "Somebody",
                "text": f"saved version {version.number}",
                "detail": version.comment,
                "icon": "pencil",
                "number": version.number,
            }
            for version in versions
        ],
        "policies": queries.states_of(slug),
        "based_on": request.POST.get("based_on") or versions[0].number,
    }
    return page(
        request, "overview/custom_rule_detail", context, fragment="trial", status=sheet.status
    )


def _changed(request: HttpRequest, sheet: "Sheet", slug: str) -> str:
    """What to tell of what was done; "" where nothing was."""
    if sheet.do == "try":
        sheet.trial()
    elif sheet.do == "retire":
        if sheet.done(actions.retire_rule, slug):
            return f"{slug} is retired. It judges nothing from each host's next scan."
    elif sheet.do == "restore":
        if sheet.done(actions.restore_rule, slug):
            return f"{slug} is taken up again, in shadow."
    else:
        based_on = request.POST.get("based_on", "")
        number = int(based_on) if based_on.isdigit() and len(based_on) < 9 else 0
        saved = sheet.save(actions.save_rule, slug, based_on=number)
        if saved:
            return f"Version {saved.number} is saved. Hosts are judged by it from their next scan."
    return ""


@require_safe
def custom_rule_version(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    rule = queries.custom_rule(slug)
    versions = {version.number: version for version in queries.rule_versions(rule)}
    if number not in versions:
        raise NotFound(f"{slug} has no version {number}.")
    before = versions.get(number - 1)
    context = {
        "rule": rule,
        "shown": versions[number],
        "before": before,
        "newest": max(versions),
        "snippets": [
            {
                "title": f"Version {number}",
                "text": _diff(before.text, versions[number].text)
                if before
                else versions[number].text,
                "diff": before is not None,
            }
        ],
    }
    return page(request, "overview/custom_rule_version", context)


def _diff(before: str, after: str) -> str:
    """As a unified diff writes it, with all that stayed."""
    lines = difflib.ndiff(before.splitlines(), after.splitlines())
    marks = {"  ": " ", "- ": "-", "+ ": "+"}
    return "\n".join(marks[line[:2]] + line[2:] for line in lines if line[:2] in marks)


class Sheet:
    """The editor of one rule, as one request wants it."""

    def __init__(self, request: HttpRequest, text: str) -> None:
        self.request = request
        self.person: Any = request.user
        self.do = request.POST.get("do", "save")
        self.text = request.POST.get("text", text)[:_LONGEST].replace("\r\n", "\n")
        self.comment = request.POST.get("comment", "")
        self.where = request.POST.get("where", "")
        self.name = request.POST.get("name", "")[:100].strip()
        self.problems: tuple[Any, ...] = ()
        self.refused = ""
        self.outcome: queries.Trial | None = None
        self.rule: Any = None
        self.status = 200

    def trial(self) -> None:
        """Saves nothing."""
        try:
            self.rule = actions.read_rule(self.text)
        except actions.RuleRefused as refused:
            self.problems = refused.problems
            self.status = 422
            return
        kind, _, which = self.where.partition(":")
        chosen = {kind: which} if kind in ("host", "group") else {}
        self.outcome = queries.trial(self.rule, **chosen, name=self.name)

    def save(self, act: Any, *names: str, **more: Any) -> Any:
        """What the action gives; None where it refused, which the page then says."""
        try:
            return act(
                *names,
                self.text,
                comment=self.comment,
                actor=self.person,
                now=timezone.now(),
                **more,
            )
        except actions.RuleRefused as refused:
            self.problems = refused.problems
            self.status = 422
        except DomainError as error:
            self.refused, self.status = str(error), error.status if error.status == 409 else 422
        return None

    def done(self, act: Any, slug: str) -> bool:
        try:
            act(slug, comment=self.comment, actor=self.person, now=timezone.now())
        except DomainError as error:
            self.refused, self.status = str(error), 422
            return False
        return True

    def context(self) -> dict[str, Any]:
        lines = self.text.count("\n") + 1
        wrong = {problem.line for problem in self.problems}
        texts = self.text.split("\n")
        return {
            "is_part": wants_fragment(self.request),
            "text": self.text,
            "comment": self.comment,
            "rows": lines + 2,
            "gutter": [(number, number in wrong) for number in range(1, lines + _SPARE_LINES)],
            "problems": [
                {
                    "line": problem.line,
                    "column": problem.column,
                    "message": problem.message,
                    "source": texts[problem.line - 1] if problem.line <= lines else "",
                }
                for problem in self.problems
            ],
            "refused": self.refused,
            "outcome": self.outcome,
            "tried": self.rule,
            "where": self.where,
            "name": self.name,
            "places": self._places(),
            "here": self.request.path,
            "refusal": reason(self.person, Right.MANAGE_POLICIES),
            "reference": reference,
            "subjects": [(name, reference.roots(name)) for name in reference.SUBJECTS],
        }

    def _places(self) -> list[tuple[str, list[tuple[str, str, bool]]]]:
        """Whose stored configuration the rule can be tried on."""
        found = {
            "Groups": [(f"group:{group.pk}", group.name) for group in groups()],
            "Hosts": [(f"host:{host.slug}", host.name) for host in hosts()[:MOST_HOSTS]],
        }
        return [
            (label, [(value, name, value == self.where) for value, name in choices])
            for label, choices in found.items()
            if choices
        ]
