from django.apps import AppConfig


class Config(AppConfig):
    name = "jintu.foundation.checks"
    label = "checks"
    default_auto_field = "django.db.models.BigAutoField"
