from django.apps import AppConfig


class Config(AppConfig):
    name = "jintu.foundation.layers"
    label = "layers"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from jintu.foundation.operations import doctor

        from . import tasks  # noqa: F401 - declares the kinds of jobs
        from .atlas import tasks as atlas_tasks  # noqa: F401
        from .examining import examine

        doctor.register("lake", examine)
