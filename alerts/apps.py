from django.apps import AppConfig


class AlertsConfig(AppConfig):
    name = "alerts"
    verbose_name = "Alerts"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from alerts import content, evidence
        from core import keys

        keys.swept_by(content.PERIOD_KEY, evidence.destroy_period_key)
        keys.swept_by(content.HOLD_KEY, evidence.destroy_hold_key)
