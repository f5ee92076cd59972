from django.apps import AppConfig


class CasesConfig(AppConfig):
    name = "cases"
    verbose_name = "Cases"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from cases import expiry
        from core import keys

        keys.swept_by(expiry.CASE_KEY, expiry.destroy_case_key, expiry.keys_in_use)
