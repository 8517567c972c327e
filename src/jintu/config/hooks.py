"""The one place where listeners are connected to the hooks and slots of lower floors."""

__all__ = ["connect", "kind_name"]


def connect() -> None:
    """Called once, when all apps are loaded."""
    from jintu.foundation.checks.inspection.judging import Inspector
    from jintu.foundation.checks.panels import row_findings
    from jintu.foundation.identity import notices
    from jintu.foundation.layers import verdicts
    from jintu.foundation.operations import hooks
    from jintu.foundation.publication import opening
    from jintu.foundation.registers import divisions, panels
    from jintu.foundation.statistics import summary
    from jintu.ui import naming

    hooks.before_commit.connect(opening.listen)
    hooks.after_commit.connect(notices.listen)
    hooks.register_changed.connect(summary.listen)
    panels.provide(row_findings)
    verdicts.use(Inspector())
    naming.use(divisions.name)
    naming.use_kinds(kind_name)


def kind_name(name: str) -> str:
    """What people call a kind of object: a register or a layer by its label, things of the foundation by a word."""
    from django.utils.translation import gettext as _

    from jintu.foundation.layers import schemas
    from jintu.foundation.registers import descriptor
    from jintu.kernel.errors import Missing

    words = {
        "identity.user": _("account"),
        "identity.organisation": _("organisation"),
        "checks.finding": _("finding"),
        "checks.run": _("supervision run"),
        "checks.rule": _("rule"),
        "layers.analysis": _("analysis"),
        "layers.package": _("offline package"),
        "register.batch": _("import"),
    }
    if name in words:
        return words[name]
    for known in (descriptor, schemas):
        try:
            return str(known.get(name).label)
        except Missing:
            continue
    return name
