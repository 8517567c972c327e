from django.apps import AppConfig


class Config(AppConfig):
    name = "jintu.foundation.layers"
    label = "layers"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from . import tasks  # noqa: F401 - declares the kinds of jobs
