from django.apps import AppConfig


class ReportsConfig(AppConfig):
    name = "reports"
    verbose_name = " the journal, the deployment record, exports.:Reports"
    default_auto_field = "django.db.models.BigAutoField"
