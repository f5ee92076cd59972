from django.urls import path

from cases import views

urlpatterns = [
    path("cases/", views.case_list, name="cases"),
    path("cases/new/", views.case_new, name="case-new"),
    path("cases/<int:number>/", views.case_detail, name="case"),
    path("cases/<int:number>/do/<slug:act_name>/", views.case_act, name="case-act"),
    path("cases/<int:number>/search/", views.case_search, name="case-search"),
    path("cases/<int:number>/deployment/", views.case_deployment, name="case-deployment"),
    path("cases/<int:number>/receipt/", views.case_receipt, name="case-receipt"),
    path("cases/<int:number>/alerts/", views.case_alerts, name="case-alerts"),
    path("cases/<int:number>/alerts/<uuid:alert_id>/unlink/", views.case_unlink, name="case-unlink"),
    path("cases/<int:number>/answer/", views.case_answer, name="case-answer"),
    path("cases/<int:number>/answer/preview/", views.answer_preview, name="case-preview"),
    path("cases/<int:number>/letters/<uuid:event_id>/", views.letter, name="case-letter"),
    path("cases/<int:number>/file/", views.case_file_pdf, name="case-file"),
]
