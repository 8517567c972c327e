"""The one place where listeners are connected to the hooks and slots of lower floors."""

__all__ = ["connect"]


def connect() -> None:
    """Called once, when all apps are loaded."""
    from jintu.foundation.checks.panels import row_findings
    from jintu.foundation.identity import notices
    from jintu.foundation.operations import hooks
    from jintu.foundation.registers import divisions, panels
    from jintu.foundation.statistics import summary
    from jintu.ui import naming

    hooks.after_commit.connect(notices.listen)
    hooks.register_changed.connect(summary.listen)
    panels.provide(row_findings)
    naming.use(divisions.name)
