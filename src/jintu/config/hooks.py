"""The one place where listeners are connected to the hooks of lower floors."""


def connect() -> None:
    """Called once, when all apps are loaded."""
