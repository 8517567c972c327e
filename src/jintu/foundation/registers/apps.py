from django.apps import AppConfig


class Config(AppConfig):
    name = "jintu.foundation.registers"
    label = "registers"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from .importing import tasks  # noqa: F401 - declares the kinds of job
