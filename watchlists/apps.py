from django.apps import AppConfig


class WatchlistsConfig(AppConfig):
    name = "watchlists"
    verbose_name = (
        " people, photographs, compile, authorise, seal, destroy; nearest-face search in pgvector.:Watchlists"
    )
    default_auto_field = "django.db.models.BigAutoField"
