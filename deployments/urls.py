from django.urls import path

from deployments import views

urlpatterns = [
    path("deployments/", views.deployment_list, name="deployments"),
    path("deployments/new/", views.deployment_new, name="deployment-new"),
    path("deployments/<uuid:deployment_id>/", views.deployment_detail, name="deployment"),
    path("deployments/<uuid:deployment_id>/submit/", views.deployment_submit, name="deployment-submit"),
    path("deployments/<uuid:deployment_id>/authorise/", views.deployment_authorise, name="deployment-authorise"),
    path("deployments/<uuid:deployment_id>/refuse/", views.deployment_refuse, name="deployment-refuse"),
    path("deployments/<uuid:deployment_id>/go-live/", views.deployment_go_live, name="deployment-go-live"),
    path("deployments/<uuid:deployment_id>/end/", views.deployment_end, name="deployment-end"),
    path("cameras/<uuid:camera_id>/", views.camera_page, name="camera"),
    path("cameras/<uuid:camera_id>/token/", views.camera_token, name="camera-token"),
]
