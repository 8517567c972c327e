from django.urls import path

from . import views

app_name = "identity"
urlpatterns = [
    path("login/", views.login_page, name="login"),
    path("logout/", views.logout_page, name="logout"),
    path("account/", views.account, name="account"),
    path("account/password/", views.password, name="password"),
    path("account/second-factor/", views.second_factor, name="second_factor"),
    path("notices/", views.notices, name="notices"),
    path("notices/<int:pk>/", views.notice_open, name="notice_open"),
    path("system/", views.system, name="system"),
    path("system/users/", views.users, name="users"),
    path("system/users/new/", views.user_create, name="user_create"),
    path("system/users/<int:pk>/", views.user_edit, name="user_edit"),
    path("system/users/<int:pk>/reset/", views.user_reset, name="user_reset"),
    path("system/organisations/", views.organisations, name="organisations"),
    path("system/organisations/new/", views.organisation_edit, name="organisation_create"),
    path("system/organisations/<int:pk>/", views.organisation_edit, name="organisation_edit"),
]
