from django.urls import path

from . import views

app_name = "operations"
urlpatterns = [
    path("", views.job_list, name="jobs"),
    path("<int:pk>/", views.job_page, name="job"),
    path("<int:pk>/progress/", views.job_progress, name="job_progress"),
    path("<int:pk>/report/", views.job_report, name="job_report"),
    path("<int:pk>/cancel/", views.job_cancel, name="job_cancel"),
]
