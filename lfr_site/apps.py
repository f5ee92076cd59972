from django.apps import AppConfig
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.db.models.signals import m2m_changed, post_migrate


class LfrSiteConfig(AppConfig):
    name = "lfr_site"
    verbose_name = "Site"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        # Celery's application must exist before the first shared task is sent.
        from lfr_site import accounts, celery, checks, models, roles  # noqa: F401

        checks.register()
        post_migrate.connect(roles.synchronise, sender=self)
        m2m_changed.connect(accounts.refuse_incompatible, sender=models.User.groups.through)
        user_logged_in.connect(accounts.note_signed_in)
        user_logged_out.connect(accounts.note_signed_out)
        user_login_failed.connect(accounts.note_sign_in_failed)
