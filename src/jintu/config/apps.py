from django.apps import AppConfig


class Config(AppConfig):
    """Connects what lower floors announce to what upper floors do about it."""

    name = "jintu.config"
    label = "config"

    def ready(self) -> None:
        from . import hooks

        hooks.connect()
