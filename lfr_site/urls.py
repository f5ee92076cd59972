from django.urls import include, path

from lfr_site import views

urlpatterns = [
    path("", views.home, name="home"),
    path("health/", views.health, name="health"),
    path("accounts/", include("allauth.account.urls")),
    path("", include("watchlists.urls")),
    path("", include("deployments.urls")),
    path("", include("alerts.urls")),
    path("", include("reports.urls")),
]
