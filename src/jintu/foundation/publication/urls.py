from django.urls import path

from . import console_views

app_name = "publication"
urlpatterns = [
    path("", console_views.index, name="openings"),
    path("<int:pk>/", console_views.switch, name="switch"),
]
