from django.urls import path

from watchlists import views

urlpatterns = [
    path("watchlists/", views.watchlist_list, name="watchlists"),
    path("watchlists/new/", views.watchlist_new, name="watchlist-new"),
    path("watchlists/<uuid:watchlist_id>/", views.watchlist_detail, name="watchlist"),
    path("watchlists/<uuid:watchlist_id>/people/add/", views.person_add, name="person-add"),
    path("watchlists/<uuid:watchlist_id>/people/new/", views.person_new, name="person-new"),
    path("watchlists/<uuid:watchlist_id>/entries/<int:entry_id>/remove/", views.entry_remove, name="entry-remove"),
    path("watchlists/<uuid:watchlist_id>/submit/", views.watchlist_compile, name="watchlist-submit"),
    path("watchlists/<uuid:watchlist_id>/authorise/", views.watchlist_authorise, name="watchlist-authorise"),
    path("watchlists/<uuid:watchlist_id>/return/", views.watchlist_return, name="watchlist-return"),
    path("photographs/check/", views.photograph_check, name="photograph-check"),
    path("photographs/<uuid:photograph_id>.jpg", views.photograph_jpeg, name="photograph"),
]
