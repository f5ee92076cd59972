from django.apps import AppConfig


class WatchlistsConfig(AppConfig):
    name = "watchlists"
    verbose_name = "Watchlists"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from core import keys
        from watchlists import destruction
        from watchlists.models.lists import LIST_KEY

        keys.swept_by(LIST_KEY, destruction.destroy_list_key)
        keys.swept_by(destruction.HOLD_KEY, destruction.destroy_hold_key)
