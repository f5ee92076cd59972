from django.urls import path

from reports import atrs_views, equality_views, grid_views, journal_views, publication_views, retention_views, views

urlpatterns = [
    path("journal/", journal_views.journal, name="journal"),
    path("journal.csv", journal_views.journal_download, name="journal-download"),
    path("journal/verify/", journal_views.journal_verify, name="journal-verify"),
    path("journal/export/", journal_views.journal_export, name="journal-export"),
    path("journal/report/", journal_views.journal_report, name="journal-report"),
    path("journal/entries/<int:number>/", journal_views.journal_entry, name="journal-entry"),
    path("journal/entries/<int:number>/proof/", journal_views.journal_proof, name="journal-proof"),
    path("journal/checkpoints/", journal_views.checkpoint_list, name="checkpoints"),
    path("journal/checkpoints/<int:size>/", journal_views.checkpoint_note, name="checkpoint"),
    path("journal/checkpoints/proof/", journal_views.checkpoint_proof, name="checkpoint-proof"),
    path("journal/keys/", journal_views.log_policy, name="log-policy"),
    path("retention/", retention_views.board, name="retention"),
    path("retention/report/", retention_views.report, name="retention-report"),
    path("records/check/", grid_views.check_published, name="check-published"),
    path("public/", publication_views.public_file, name="public"),
    path("public/<path:name>", publication_views.public_file, name="public-file"),
    path("atrs/", atrs_views.record_page, name="atrs"),
    path("atrs/answer/", atrs_views.answer, name="atrs-answer"),
    path("publication/", publication_views.publication, name="publication"),
    path("publication/<uuid:deployment_id>/", publication_views.publish, name="publish"),
    path("equality/", equality_views.report, name="equality"),
    path("equality/<int:finding_id>/review/", equality_views.review, name="equality-review"),
    path("records/", views.record_list, name="records"),
    path("records/<uuid:deployment_id>/", views.record_page, name="record"),
    path("records/<uuid:deployment_id>/earlier/", views.earlier, name="earlier"),
    path("records/<uuid:deployment_id>.csv", views.record_download, {"kind": "csv"}, name="record-download"),
    path("records/<uuid:deployment_id>.json", views.record_download, {"kind": "json"}, name="record-json"),
    path("records/<uuid:deployment_id>.pdf", views.record_download, {"kind": "pdf"}, name="record-pdf"),
]
