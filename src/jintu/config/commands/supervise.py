"""``jintu supervise`` and ``jintu findings``."""

from __future__ import annotations

from datetime import datetime

import click
from django.utils.translation import gettext as _

from jintu.config.commands import echo_json, progress_line, setup
from jintu.config.commands.language import in_language

__all__ = ["findings", "supervise"]


@click.command()
@click.option("--division", required=True, help="Division code; everything below it is supervised.")
@click.option("--as-of", type=click.DateTime(["%Y-%m-%d"]), help="Date to reckon by; another than today's is what-if.")
@click.option("--rule", "only", multiple=True, help="Only these rules; what-if.")
@click.option("--json", "as_json", is_flag=True)
def supervise(division: str, as_of: datetime | None, only: tuple[str, ...], as_json: bool) -> None:
    """Run the rules over a division; an official run keeps its findings."""
    setup()
    from jintu.foundation.checks import runner
    from jintu.foundation.checks.models import RunRule
    from jintu.foundation.identity.scope import prefix_of

    with progress_line() as progress:
        run, outcomes = runner.supervise(
            prefix_of(division), as_of.date() if as_of else None, only=only, progress=progress
        )
    if as_json:
        echo_json(
            {
                "run": run.pk,
                "division": division,
                "as_of": run.as_of.isoformat(),
                "official": run.official,
                "rules": {
                    o.rule.id: {
                        "state": str(o.state),
                        "count": len(o.hits) if o.state == RunRule.State.RAN else None,
                        "area_m2": None if o.area_m2 is None else round(o.area_m2, 2),
                        "needs": o.needs,
                        "seconds": round(o.seconds, 4),
                    }
                    for o in outcomes
                },
                "findings": [runner.plain(o.rule, h) for o in outcomes for h in o.hits],
                "inputs": run.inputs,
                "stages": run.stages,
            }
        )
        return
    for o in outcomes:
        if o.state == RunRule.State.RAN:
            area = "" if o.area_m2 is None else f"{o.area_m2 / 10_000:14,.4f} ha"
            click.echo(f"{o.rule.id}  {len(o.hits):6d}{area:>18}  {in_language(o.rule.name)}")
        else:
            lacking = _("not run: needs {names}").format(names=", ".join(o.needs))
            why = lacking if o.needs else f"{o.state} {o.error}"
            click.echo(f"{o.rule.id}       -  {in_language(o.rule.name)}: {why}")
    kind = _("official") if run.official else _("what-if, nothing kept")
    said = _("run {number} ({kind}): {found} found, {new} new, {gone} no longer detected")
    click.echo(said.format(number=run.pk, kind=kind, found=run.found, new=run.new, gone=run.gone))


@click.command()
@click.option("--division", default="", help="Division code.")
@click.option("--rule", default="")
@click.option("--state", default="")
@click.option("--json", "as_json", is_flag=True)
@click.option("--limit", default=100, type=click.IntRange(1, 100_000))
def findings(division: str, rule: str, state: str, as_json: bool, limit: int) -> None:
    """Findings not settled (or in one state), gravest first."""
    setup()
    from jintu.foundation.checks.models import Finding, Severity
    from jintu.foundation.checks.queries import Filters, queue
    from jintu.foundation.identity.scope import Scope, prefix_of

    wanted = Filters(rule=rule, state=(state,) if state else (), division=prefix_of(division))
    rows = queue(Scope.everything(), wanted).order_by("-risk", "-id").defer("geom")[:limit]
    listed = [
        {
            "number": f.number,
            "rule": f.rule,
            "severity": Severity(f.severity).word,
            "state": f.state,
            "standing": f.standing,
            "division": f.division,
            "area_m2": None if f.area_m2 is None else float(f.area_m2),
            "days": f.days,
            "objects": f.objects_json,
        }
        for f in rows
    ]
    if as_json:
        echo_json(listed)
        return
    if not listed:
        click.echo(_("no finding fits") if Finding.objects.exists() else _("nothing found"))
    for f in listed:
        area = "" if f["area_m2"] is None else f"{f['area_m2'] / 10_000:.4f} ha"
        click.echo(f"{f['number']}  {f['rule']}  {f['severity']:<6} {f['state']:<10} {area:>14}  {f['objects'][0][1]}")
