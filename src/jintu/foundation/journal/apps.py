from django.apps import AppConfig


class Config(AppConfig):
    name = "jintu.foundation.journal"
    label = "journal"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from jintu.foundation.operations import doctor

        from .examining import examine

        doctor.register("journal", examine)
