from django.apps import AppConfig


class Config(AppConfig):
    name = "jintu.foundation.statistics"
    label = "statistics"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from . import tasks  # noqa: F401 - declares the kind of job
