from django.urls import path

from scrutiny import views

urlpatterns = [
    path("scrutiny/", views.dossier_list, name="scrutiny"),
    path("scrutiny/<uuid:dossier_id>/", views.dossier, name="dossier"),
    path("scrutiny/<uuid:dossier_id>/finding/", views.finding, name="dossier-finding"),
    path("scrutiny/findings/<int:panel_finding_id>/answer/", views.finding_answer, name="finding-answer"),
]
