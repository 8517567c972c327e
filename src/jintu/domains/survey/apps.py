from django.apps import AppConfig


class Config(AppConfig):
    name = "jintu.domains.survey"
    label = "survey"
    default_auto_field = "django.db.models.BigAutoField"
