from django.urls import path

from alerts import attribute_views, handset_views, log_views, repeat_views, second_look_views, views

urlpatterns = [
    path("deployments/<uuid:deployment_id>/console/", views.console, name="console"),
    path("deployments/<uuid:deployment_id>/console/queue/", views.queue, name="alert-queue"),
    path("deployments/<uuid:deployment_id>/console/rows/", views.rows, name="alert-rows"),
    path("deployments/<uuid:deployment_id>/console/measured/", views.measured, name="console-measured"),
    path("deployments/<uuid:deployment_id>/handset/", handset_views.handset, name="handset"),
    path("deployments/<uuid:deployment_id>/handset/list/", handset_views.street, name="handset-list"),
    path("alerts/<uuid:alert_id>/", views.card, name="alert"),
    path("alerts/<uuid:alert_id>/acts/<slug:name>/", views.act, name="alert-act"),
    path("alerts/<uuid:alert_id>/photographs/<uuid:photograph_id>.jpg", views.photograph_jpeg, name="alert-photograph"),
    path("alerts/<uuid:alert_id>/separate/", repeat_views.separate, name="alert-separate"),
    path("alerts/<uuid:alert_id>/repeats/", repeat_views.mark_repeat, name="alert-repeats"),
    path("alerts/<uuid:alert_id>/stand-down/", repeat_views.stand_down, name="alert-stand-down"),
    path("alerts/<uuid:alert_id>/lift/", repeat_views.lift, name="alert-lift"),
    path("deployments/<uuid:deployment_id>/stand-downs/", repeat_views.stood_down, name="stand-downs"),
    path("stand-downs/<uuid:stand_down_id>/confirm/", repeat_views.confirm_by_commander, name="stand-down-confirm"),
    path("stand-downs/<uuid:stand_down_id>/lift/", repeat_views.lift_by_commander, name="stand-down-lift"),
    path("shots/<uuid:shot_id>.jpg", views.shot_jpeg, name="shot"),
    path("deployments/<uuid:deployment_id>/alerts/", log_views.alert_log, name="alert-log"),
    path("alerts/<uuid:alert_id>/code/", log_views.alert_code, name="alert-code"),
    path("alerts/<uuid:alert_id>/correct/", log_views.alert_correct, name="alert-correct"),
    path("alerts/<uuid:alert_id>/attributes/", attribute_views.alert_attributes, name="alert-attributes"),
    path("alerts/<uuid:alert_id>/hold/", log_views.alert_hold, name="alert-hold"),
    path("alerts/<uuid:alert_id>/release/", log_views.alert_release, name="alert-release"),
    path("holds/", log_views.holds, name="holds"),
    path("second-looks/", second_look_views.waiting, name="second-looks"),
    path("alerts/<uuid:alert_id>/second-look/", second_look_views.second_look, name="second-look"),
    path("figures/", log_views.operator_figures, name="figures"),
]
