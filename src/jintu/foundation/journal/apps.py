from django.apps import AppConfig


class Config(AppConfig):
    name = "jintu.foundation.journal"
    label = "journal"
    default_auto_field = "django.db.models.BigAutoField"
