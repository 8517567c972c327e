"""Pages of findings, rules and runs."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.paginator import Paginator
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from jintu.foundation.identity import actor_of, organisation_names
from jintu.foundation.identity.access import needs
from jintu.foundation.operations import clock, files, jobs
from jintu.foundation.registers import descriptor
from jintu.kernel.errors import InputError, Missing, Place
from jintu.ui import naming

from . import evidence, formula, lifecycle, parameters, queries, rules
from .actions.act import act, act_on_many, check
from .models import Finding, FindingEvent, RuleSetting, Run, RunRule, Severity

BULK_LIMIT = 500
ANSWER_WITHIN = timedelta(days=30)
"""Offered as the day an answer is due; the person who dispatches may choose another."""


def _rule_name(rule_id: str) -> str:
    """The rule's name in the language of the page."""
    try:
        zh, en = rules.get(rule_id).name
    except KeyError:
        return rule_id
    return en if (get_language() or "").startswith("en") else zh


def _one(request: HttpRequest, uid: Any) -> Finding:
    scope = request.scope  # type: ignore[attr-defined]
    found = Finding.objects.select_related("first_run", "last_run", "gone_run").filter(scope.rows(), uid=uid).first()
    if found is None:
        raise Missing("There is no such finding within your scope.", remedy="Ask the organisation it belongs to.")
    return found


@require_safe
@needs("view")
def findings(request: HttpRequest, uid: Any = None) -> HttpResponse:
    """The queue on the left, one finding on the right; fragments when HTMX asks."""
    scope = request.scope  # type: ignore[attr-defined]
    filters = queries.Filters.of(request.GET)
    rows = queries.queue(scope, filters)
    page, after = queries.page(queries.queue(scope, filters, walked=True), request.GET.get("after", ""))
    for finding in page:
        finding.rule_name = _rule_name(finding.rule)
        finding.word = Severity(finding.severity).word
        finding.due_in = (finding.due_on - clock.today()).days if finding.due_on else None
    query = urlencode(filters.pairs())
    context: dict[str, Any] = {"page": page, "after": after, "query": query, "filters": filters}
    if request.headers.get("HX-Target") == "more":
        return render(request, "checks/_rows.html", context)
    chosen = _one(request, uid) if uid else page[0] if page else None
    if chosen is not None and uid is None:
        chosen = _one(request, chosen.uid)
    if chosen is not None:
        context |= _detail(request, chosen)
    if request.headers.get("HX-Target") == "detail":
        return render(request, "checks/_detail.html", context)
    context |= {
        "counts": queries.counts(rows),
        "rules": [(r.id, _rule_name(r.id)) for r in rules.catalogue()],
        "states": Finding.State.choices,
        "standings": Finding.Standing.choices,
        "can_bulk": scope.can("dispatch"),
        "due_default": clock.today() + ANSWER_WITHIN,
        "can_export": scope.can("export"),
    }
    return render(request, "checks/findings.html", context)


def _detail(request: HttpRequest, finding: Finding) -> dict[str, Any]:
    scope = request.scope  # type: ignore[attr-defined]
    about = evidence.subjects(finding, scope)
    try:
        rule = rules.get(finding.rule)
    except KeyError:
        rule = None
    events = list(finding.events.all())
    names = organisation_names(e.organisation for e in events)
    for event in events:
        event.organisation_name = names.get(event.organisation, event.organisation)
    shown = evidence.features(finding, [*about, *evidence.related(about, scope)])
    return {
        "finding": finding,
        "gone_because": [why | {"label": _register_label(why.get("register", ""))} for why in finding.gone_because],
        "rule": rule,
        "rule_name": _rule_name(finding.rule),
        "word": Severity(finding.severity).word,
        "about": about,
        "filled": formula.fill(rule.formula if rule else "", finding.values),
        "events": events,
        "stored": files.about({sha for e in events for sha in e.files}),
        "steps": lifecycle.steps(finding, scope),
        "features": shown,
        "has_map": bool(shown["features"]),
        "map_config": evidence.map_config(finding, shown, rule),
        "used": [(naming.kind_name(name), facts) for name, facts in finding.last_run.inputs.items()],
        "parameters": _parameters(finding),
        "due_in": (finding.due_on - clock.today()).days if finding.due_on else None,
        "due_default": clock.today() + ANSWER_WITHIN,
    }


def _register_label(name: str) -> str:
    """A register as people call it; its name when it is no longer installed."""
    try:
        return str(descriptor.get(name).label)
    except Missing:
        return name


def _stage_labels() -> dict[str, str]:
    return {"load": _("reading"), "rules": _("rules"), "keep": _("saving")}


def _parameters(finding: Finding) -> list[formula.Value]:
    """The run's parameters that are not already among the finding's own values."""
    ran = RunRule.objects.filter(run=finding.last_run_id, rule=finding.rule).first()
    others = {k: v for k, v in (ran.parameters if ran else {}).items() if k not in finding.values}
    return list(formula.fill("", others).values)


@require_POST
@needs("view")
def fire(request: HttpRequest, uid: Any, verb: str) -> HttpResponse:
    """One verb on one finding."""
    finding = _one(request, uid)
    scope = request.scope  # type: ignore[attr-defined]
    seen = int(request.POST["row_version"]) if request.POST.get("row_version", "").isdigit() else finding.row_version
    facts = {
        "note": request.POST.get("note", "")[:4000],
        "outcome": request.POST.get("outcome", ""),
        "due_on": _date(request.POST.get("due_on", ""), "due_on"),
    }
    if seen == finding.row_version:
        check(finding, verb, scope, facts)  # before any file is kept
    stored = [files.store(f, f.name).sha256 for f in request.FILES.getlist("files")]
    act(finding, verb, scope=scope, actor=actor_of(request), row_version=seen, files=stored, **facts)
    messages.success(
        request,
        _("Finding %(number)s is now %(state)s.") % {"number": finding.number, "state": finding.get_state_display()},
    )
    return redirect("checks:finding", uid=finding.uid)


@require_POST
@needs("dispatch")
def bulk(request: HttpRequest) -> HttpResponse:
    """One verb on the findings ticked in the list."""
    scope = request.scope  # type: ignore[attr-defined]
    chosen = request.POST.getlist("uid")
    if not chosen:
        raise InputError("No finding is ticked.", remedy="Tick some in the list first.")
    if len(chosen) > BULK_LIMIT:
        raise InputError("At most {limit} findings at a time.", limit=BULK_LIMIT)
    rows = Finding.objects.filter(scope.rows(), uid__in=chosen)
    done, refused = act_on_many(
        rows,
        request.POST.get("verb", "dispatch"),
        scope=scope,
        actor=actor_of(request),
        note=request.POST.get("note", "")[:4000],
        due_on=_date(request.POST.get("due_on", ""), "due_on"),
    )
    messages.success(request, ngettext("%(n)d finding done.", "%(n)d findings done.", done) % {"n": done})
    for error in refused[:5]:
        messages.warning(request, str(error))
    if len(refused) > 5:
        messages.warning(request, _("and %(n)d more were refused.") % {"n": len(refused) - 5})
    return redirect("checks:findings")


def _date(text: str, name: str) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InputError(
            "{text} is not a date.", place=Place(field=name), remedy="Write it as 2026-06-30.", text=text[:20]
        ) from None


@require_safe
@needs("export")
def export(request: HttpRequest) -> HttpResponse:
    """The filtered queue as a workbook."""
    from .exporting import workbook

    filters = queries.Filters.of(request.GET)
    rows = queries.queue(request.scope, filters)  # type: ignore[attr-defined]
    answer = StreamingHttpResponse(
        workbook(rows, _rule_name),
        content_type="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    )
    answer["Content-Disposition"] = f'attachment; filename="findings-{clock.today():%Y%m%d}.xlsx"'
    return answer


@require_safe
@needs("view")
def evidence_json(request: HttpRequest, uid: Any) -> JsonResponse:
    """The evidence as GeoJSON, for the map and for whoever wants to check it elsewhere."""
    finding = _one(request, uid)
    scope = request.scope  # type: ignore[attr-defined]
    about = evidence.subjects(finding, scope)
    return JsonResponse(evidence.features(finding, [*about, *evidence.related(about, scope)]))


@require_safe
@needs("view")
def file(request: HttpRequest, uid: Any, sha256: str) -> HttpResponse:
    """A file handed in with a finding; only through a finding the person may see."""
    finding = _one(request, uid)
    if not any(sha256 in e.files for e in FindingEvent.objects.filter(finding=finding)):
        raise Missing("This finding has no such file.")
    return files.response(sha256)


@require_safe
@needs("view", "configure")
def rule_list(request: HttpRequest) -> HttpResponse:
    """The catalogue: every rule with its law, what it needs and what its last official run did."""
    scope = request.scope  # type: ignore[attr-defined]
    last = Run.objects.filter(scope.rows(), official=True, state=Run.State.COMPLETE).order_by("-id").first()
    ran = {r.rule: r for r in last.rules.all()} if last else {}
    rows = [(r, _rule_name(r.id), ran.get(r.id)) for r in rules.catalogue()]
    return render(request, "checks/rules.html", {"rows": rows, "last": last})


@needs("view", "configure")
def rule_page(request: HttpRequest, rule_id: str) -> HttpResponse:
    """One rule: law, formula, parameters with their basis; an operator may set a parameter from a date."""
    try:
        rule = rules.get(rule_id)
    except KeyError:
        raise Missing("There is no rule {rule}.", rule=rule_id) from None
    scope = request.scope  # type: ignore[attr-defined]
    shipped = [p for p in parameters.shipped() if p.rule == rule_id]
    if request.method == "POST":
        _set_parameter(request, rule_id, {p.name: p for p in shipped})
        return redirect("checks:rule", rule_id=rule_id)
    known = [*shipped, *(p for p in parameters.settings() if p.rule == rule_id)]
    today = clock.today()
    context = {
        "rule": rule,
        "rule_name": _rule_name(rule_id),
        "parameters": [(p, p.holds(today)) for p in known],
        "in_words": formula.fill(rule.formula, {}).words,
        "names": list({p.name: p.label for p in shipped}.items()),
        "needs": [naming.kind_name(getattr(n, "register", "") or getattr(n, "layer", "")) for n in rule.needs.values()],
        "may_set": scope.can("configure"),
        "explain": rule.explain[1] if (get_language() or "").startswith("en") else rule.explain[0],
        "found": Finding.objects.filter(scope.rows(), rule=rule_id, state__in=queries.UNSETTLED).count(),
    }
    return render(request, "checks/rule.html", context)


def _set_parameter(request: HttpRequest, rule_id: str, shipped: dict[str, Any]) -> None:
    from jintu.foundation.identity.access import require
    from jintu.foundation.journal import append

    require(request, "configure")
    name, basis = request.POST.get("name", ""), request.POST.get("basis", "").strip()
    since = _date(request.POST.get("valid_from", ""), "valid_from")
    if name not in shipped:
        raise InputError("This rule has no parameter {name}.", place=Place(field="name"), name=name)
    if since is None or not basis:
        raise InputError("A parameter needs the date it holds from and its basis.", place=Place(field="basis"))
    try:
        value = json.loads(request.POST.get("value", ""))
    except ValueError:
        value = request.POST.get("value", "").strip()
    if isinstance(shipped[name].value, int | float) != isinstance(value, int | float) or isinstance(value, bool):
        raise InputError("The value must be of the same kind as the shipped one.", place=Place(field="value"))
    with transaction.atomic():
        RuleSetting.objects.create(
            rule=rule_id, name=name, value=value, valid_from=since, basis=basis[:300], created_by=request.user.pk
        )
        append(
            "checks.set_parameter",
            actor=actor_of(request),
            objects=[("checks.rule", rule_id)],
            facts={"name": name, "value": value, "valid_from": since.isoformat()},
        )
    messages.success(request, _("Saved. The next supervision uses it."))


@require_safe
@needs("view")
def run_list(request: HttpRequest) -> HttpResponse:
    """Past supervisions within the scope."""
    scope = request.scope  # type: ignore[attr-defined]
    rows = Run.objects.filter(scope.rows()).defer("what_if", "inputs").order_by("-id")
    page = Paginator(rows, 30).get_page(request.GET.get("page"))
    return render(
        request, "checks/runs.html", {"page": page, "may_run": scope.can("supervise"), "today": clock.today()}
    )


@require_POST
@needs("supervise")
def start(request: HttpRequest) -> HttpResponse:
    """Queue a supervision of one's own division; another date than today's is what-if."""
    scope = request.scope  # type: ignore[attr-defined]
    as_of = _date(request.POST.get("as_of", ""), "as_of")
    division = request.POST.get("division") or (scope.divisions[0] if scope.divisions else "")
    if not scope.covers(division):
        raise Missing("Division {division} is outside your scope.", division=division)
    with transaction.atomic():
        job = jobs.enqueue(
            "checks.supervise",
            actor=actor_of(request),
            division=division,
            as_of=as_of.isoformat() if as_of else "",
        )
    return redirect("operations:job", pk=job.pk)


@require_safe
@needs("view")
def run_page(request: HttpRequest, pk: int) -> HttpResponse:
    """One run: what each rule did, with which inputs; the hits of a what-if run."""
    scope = request.scope  # type: ignore[attr-defined]
    run = Run.objects.filter(scope.rows(), pk=pk).first()
    if run is None:
        raise Missing("There is no such run within your scope.")
    rows = [(r, _rule_name(r.rule)) for r in run.rules.order_by("rule")]
    names = {
        "inputs": [(naming.kind_name(name), facts) for name, facts in run.inputs.items()],
        "stages": [(_stage_labels().get(name, name), seconds) for name, seconds in run.stages.items()],
    }
    return render(request, "checks/run.html", {"run": run, "rows": rows, "what_if": (run.what_if or [])[:500]} | names)
