from django.urls import path

from training import views

urlpatterns = [
    path("training/", views.show, name="training"),
    path("training/record/", views.record, name="training-record"),
    path("training/<int:training_id>/withdraw/", views.withdraw, name="training-withdraw"),
]
