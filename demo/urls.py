"""The URLs of a demonstration: the site's, with a sign-in page of its own."""

from django.urls import path

from demo import views
from lfr_site.urls import urlpatterns as site

urlpatterns = [
    path("accounts/login/", views.SignIn.as_view(), name="account_login"),
    path("demo/sign-in/", views.sign_in_as, name="demo-sign-in"),
    *site,
]
