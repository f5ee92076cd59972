from django.urls import path

from watchlists import people_views, views

urlpatterns = [
    path("watchlists/", views.watchlist_list, name="watchlists"),
    path("watchlists/new/", views.watchlist_new, name="watchlist-new"),
    path("watchlists/<uuid:watchlist_id>/", views.watchlist_detail, name="watchlist"),
    path("watchlists/<uuid:watchlist_id>/people/new/", people_views.person_new, name="person-new"),
    path("watchlists/<uuid:watchlist_id>/current/", views.people_current, name="people-current"),
    path("watchlists/<uuid:watchlist_id>/compile/", views.watchlist_compile, name="watchlist-compile"),
    path("watchlists/<uuid:watchlist_id>/check/", views.watchlist_check, name="watchlist-check"),
    path("watchlists/<uuid:watchlist_id>/withdraw/", views.watchlist_withdraw, name="watchlist-withdraw"),
    path("watchlists/<uuid:watchlist_id>/discard/", views.watchlist_discard, name="watchlist-discard"),
    path("watchlists/<uuid:watchlist_id>/version/", views.watchlist_version, name="watchlist-version"),
    path("watchlists/<uuid:watchlist_id>/authorise/", views.watchlist_authorise, name="watchlist-authorise"),
    path("watchlists/<uuid:watchlist_id>/return/", views.watchlist_return, name="watchlist-return"),
    path("watchlists/<uuid:watchlist_id>/reject/", views.watchlist_reject, name="watchlist-reject"),
    path("people/<uuid:person_id>/", people_views.person_detail, name="person"),
    path("people/<uuid:person_id>/edit/", people_views.person_edit, name="person-edit"),
    path("people/<uuid:person_id>/remove/", people_views.person_remove, name="person-remove"),
    path("people/<uuid:person_id>/photographs/new/", people_views.photograph_new, name="photograph-new"),
    path("people/<uuid:person_id>/hold/", people_views.hold_place, name="hold-place"),
    path("people/<uuid:person_id>/release/", people_views.hold_release, name="hold-release"),
    path("flags/<int:flag_id>/accept/", people_views.flag_accept, name="flag-accept"),
    path("photographs/check/", people_views.photograph_check, name="photograph-check"),
    path("photographs/<uuid:photograph_id>.jpg", people_views.photograph_jpeg, name="photograph"),
    path("photographs/<uuid:photograph_id>/remove/", people_views.photograph_remove, name="photograph-remove"),
    path("destructions/", people_views.destructions, name="destructions"),
    path("ledger/", people_views.ledger_search, name="ledger"),
]
