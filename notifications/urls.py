from django.urls import path

from notifications import views

urlpatterns = [
    path("notifications/", views.subscribers, name="subscribers"),
    path("notifications/<uuid:subscriber_id>/switch/", views.subscriber_switch, name="subscriber-switch"),
    path("deliveries/<uuid:delivery_id>/again/", views.delivery_again, name="delivery-again"),
]
