from django.apps import AppConfig


class ReportsConfig(AppConfig):
    name = "reports"
    verbose_name = "Reports"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from deployments.documents import CONTENT
        from deployments.models import Document
        from reports.post_deployment import POST_DEPLOYMENT

        CONTENT[Document.Kind.POST_DEPLOYMENT] = POST_DEPLOYMENT
