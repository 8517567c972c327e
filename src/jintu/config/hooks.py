"""The one place where listeners are connected to the hooks and slots of lower floors."""

__all__ = ["connect"]


def connect() -> None:
    """Called once, when all apps are loaded."""
    from jintu.foundation.checks.panels import row_findings
    from jintu.foundation.identity import notices
    from jintu.foundation.operations import hooks
    from jintu.foundation.registers import panels

    hooks.after_commit.connect(notices.listen)
    panels.provide(row_findings)
