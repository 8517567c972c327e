from django.apps import AppConfig


class Config(AppConfig):
    name = "jintu.foundation.publication"
    label = "publication"
    default_auto_field = "django.db.models.BigAutoField"
