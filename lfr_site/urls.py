from allauth.account import views as account_views
from django.urls import include, path

from lfr_site import receipts, views

urlpatterns = [
    path("", views.home, name="home"),
    path("time/", views.server_time, name="server-time"),
    # Only these of allauth's pages. Signing in and out is recorded in the audit log; sign-up is closed.
    path("accounts/login/", views.SignIn.as_view(), name="account_login"),
    path("accounts/logout/", account_views.logout, name="account_logout"),
    path("accounts/inactive/", account_views.account_inactive, name="account_inactive"),
    path("accounts/signup/", account_views.signup, name="account_signup"),
    path("receipt/", receipts.receipt, name="receipt"),
    path("receipt/<str:code>/", receipts.receipt, name="receipt-code"),
    path("api/", include("lfr_site.api")),
    path("", include("training.urls")),
    path("", include("watchlists.urls")),
    path("", include("deployments.urls")),
    path("", include("alerts.urls")),
    path("", include("capture.urls")),
    path("", include("notifications.urls")),
    path("", include("cases.urls")),
    path("", include("scrutiny.urls")),
    path("", include("reports.urls")),
]
