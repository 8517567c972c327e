from django.apps import AppConfig


class Config(AppConfig):
    name = "jintu.foundation.layers"
    label = "layers"
    default_auto_field = "django.db.models.BigAutoField"
