from django.urls import path

from reports import views

urlpatterns = [
    path("journal/", views.journal, name="journal"),
    path("journal.csv", views.journal_download, name="journal-download"),
    path("records/", views.record_list, name="records"),
    path("records/<uuid:deployment_id>/", views.record_page, name="record"),
    path("records/<uuid:deployment_id>.csv", views.record_download, name="record-download"),
]
