from django.urls import path

from capture import views

urlpatterns = [
    path("cameras/<uuid:camera_id>/tile.jpg", views.tile_jpeg, name="camera-tile"),
]
