from django.apps import AppConfig


class Config(AppConfig):
    name = "jintu.domains.enforcement"
    label = "enforcement"
    default_auto_field = "django.db.models.BigAutoField"
