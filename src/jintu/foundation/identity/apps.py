from django.apps import AppConfig


class Config(AppConfig):
    name = "jintu.foundation.identity"
    label = "identity"
    default_auto_field = "django.db.models.BigAutoField"
