from django.apps import AppConfig


class Config(AppConfig):
    name = "jintu.domains.planning"
    label = "planning"
    default_auto_field = "django.db.models.BigAutoField"
