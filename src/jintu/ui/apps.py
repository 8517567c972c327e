from django.apps import AppConfig


class Config(AppConfig):
    name = "jintu.ui"
    label = "ui"
