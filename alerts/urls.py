from django.urls import path

from alerts import views

urlpatterns = [
    path("cameras/<uuid:camera_id>/tile.jpg", views.tile_jpeg, name="camera-tile"),
    path("deployments/<uuid:deployment_id>/unsettled/", views.unsettled, name="unsettled"),
    path("alerts/<uuid:alert_id>/write-off/", views.write_off, name="alert-write-off"),
    path("deployments/<uuid:deployment_id>/console/", views.console, name="console"),
    path("deployments/<uuid:deployment_id>/alerts/", views.queue, name="alert-queue"),
    path("alerts/<uuid:alert_id>/", views.card, name="alert"),
    path("alerts/<uuid:alert_id>/row/", views.row, name="alert-row"),
    path("alerts/<uuid:alert_id>/decide/", views.decide, name="alert-decide"),
    path("alerts/<uuid:alert_id>/outcome/", views.conclude, name="alert-outcome"),
    path("alerts/<uuid:alert_id>/face.jpg", views.probe_jpeg, name="alert-face"),
    path("alerts/<uuid:alert_id>/photograph.jpg", views.photograph_jpeg, name="alert-photograph"),
]
