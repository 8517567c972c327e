"""The one place where listeners are connected to the hooks of lower floors."""

__all__ = ["connect"]


def connect() -> None:
    """Called once, when all apps are loaded."""
    from jintu.foundation.identity import notices
    from jintu.foundation.operations import hooks

    hooks.after_commit.connect(notices.listen)
