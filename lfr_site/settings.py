"""Settings. Those that a force can change are read from the environment and described in docs/admin/settings.md."""

from __future__ import annotations

import datetime as dt
import os
import secrets
from pathlib import Path
from typing import Any

from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from lfr_site import environment, services
from recognition.imaging import MAX_PHOTOGRAPH_BYTES
from recognition.quality import LIMITS

BASE_DIR = Path(__file__).resolve().parent.parent

LFR_ENV = environment.choice("LFR_ENV", "production", ("production", "demo"))
LFR_DATA = Path(environment.text("LFR_DATA", str(BASE_DIR / "var"))).expanduser().resolve()
IS_DEMO = LFR_ENV == "demo"


def _secret_key() -> str:
    key = os.environ.get("LFR_SECRET_KEY", "")
    if not key and IS_DEMO:
        kept = LFR_DATA / "secret_key"
        if not kept.is_file():
            LFR_DATA.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(kept, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w") as stream:
                stream.write(secrets.token_urlsafe(64))
        return kept.read_text()
    if len(key) < 50 or len(set(key)) < 10:
        raise ImproperlyConfigured("LFR_SECRET_KEY must be a random text of 50 characters or more.")
    return key


SECRET_KEY = _secret_key()
DEBUG = False
ALLOWED_HOSTS = environment.text("LFR_HOSTS", "localhost,127.0.0.1,[::1]" if IS_DEMO else None).split(",")
if "*" in ALLOWED_HOSTS:
    raise ImproperlyConfigured("LFR_HOSTS must list this server's host names; “*” is not allowed.")

# Proxies whose X-Forwarded-For is trusted (lfr_site.addresses).
LFR_TRUSTED_PROXIES = environment.networks("LFR_TRUSTED_PROXIES")

# The force's name, shown on every page.
LFR_FORCE = environment.text("LFR_FORCE", "Demonstration Constabulary" if IS_DEMO else None)

# The public pages, written as files (reports.public_site). A web server may serve this folder itself.
LFR_PUBLIC = environment.written_folder("LFR_PUBLIC", LFR_DATA / "public")

# Retention (core.retention): at most the ceilings of its table. A force can only shorten it.
LFR_WATCHLIST_RETENTION = environment.retention("LFR_WATCHLIST_RETENTION_MINUTES", "watchlist")
LFR_ALERT_RETENTION = environment.retention("LFR_ALERT_RETENTION_MINUTES", "alert")
LFR_DRAFT_RETENTION = dt.timedelta(days=environment.integer("LFR_DRAFT_RETENTION_DAYS", 28, 1, 31))
LFR_CASE_RETENTION = dt.timedelta(days=environment.integer("LFR_CASE_RETENTION_DAYS", 2192, 365, 2192))
LFR_AUDIT_RETENTION = dt.timedelta(days=environment.integer("LFR_AUDIT_RETENTION_DAYS", 2557, 2192, 36_525))

# The name of the audit log, and the witnesses and the time-stamping service of its checkpoints (audit.attestation).
LFR_LOG_ORIGIN = environment.name("LFR_LOG_ORIGIN", f"{ALLOWED_HOSTS[0].strip('[]')}/audit-log")
LFR_WITNESSES = environment.witnesses("LFR_WITNESSES")
LFR_TIMESTAMP_URL = environment.text("LFR_TIMESTAMP_URL", "-").strip("-")
LFR_TIMESTAMP_ROOTS = environment.file("LFR_TIMESTAMP_ROOTS", needed_by=LFR_TIMESTAMP_URL)
# Limits of the false alert rate and the true recognition rate, and what is required before cameras go live.
LFR_FACES_A_FALSE_ALERT = environment.integer("LFR_FACES_A_FALSE_ALERT", 1000, 100, 1_000_000)
LFR_CEILING_DECISION = dt.timedelta(minutes=environment.integer("LFR_CEILING_DECISION_MINUTES", 10, 1, 60))
LFR_RECOGNITION_FLOOR = environment.integer("LFR_RECOGNITION_FLOOR_PERCENT", 80, 1, 100) / 100
LFR_BLUE_PASSES = environment.integer("LFR_BLUE_PASSES", 3, 0 if IS_DEMO else 1, 100)
LFR_PASS_WINDOW = dt.timedelta(seconds=environment.integer("LFR_PASS_WINDOW_SECONDS", 20, 2, 120))
LFR_TEST_LENGTH = dt.timedelta(minutes=environment.integer("LFR_TEST_MINUTES", 30, 1, 120))
LFR_CLOCK_TOLERANCE_MS = environment.integer("LFR_CLOCK_TOLERANCE_MS", 2000, 100, 10_000)
LFR_URGENT_REVIEW = dt.timedelta(hours=environment.integer("LFR_URGENT_REVIEW_HOURS", 4, 1, 24))
LFR_NOTICE = dt.timedelta(hours=environment.integer("LFR_NOTICE_HOURS", 24, 1, 336))
LFR_RISK_ACCEPTANCE = dt.timedelta(days=environment.integer("LFR_RISK_ACCEPTANCE_DAYS", 90, 1, 180))
LFR_LONGEST_DEPLOYMENT = dt.timedelta(hours=environment.integer("LFR_LONGEST_DEPLOYMENT_HOURS", 12, 1, 24))

# Alerts: when shots join an alert, how long an adjudication can be undone, and the deadlines of an alert.
LFR_JOIN_WINDOW = dt.timedelta(seconds=environment.integer("LFR_JOIN_SECONDS", 120, 0, 3600))
LFR_STAND_DOWN = dt.timedelta(minutes=environment.integer("LFR_STAND_DOWN_MINUTES", 30, 1, 30))
LFR_UNDO = dt.timedelta(seconds=environment.integer("LFR_UNDO_SECONDS", 6, 1, 30))
LFR_REVIEW_WITHIN = dt.timedelta(seconds=environment.integer("LFR_REVIEW_SECONDS", 900, 30, 7200))
LFR_ANSWER_WITHIN = dt.timedelta(seconds=environment.integer("LFR_ANSWER_SECONDS", 60, 5, 1800))
LFR_CONTROL_EVERY = dt.timedelta(minutes=environment.integer("LFR_CONTROL_MINUTES", 0, 0, 240))
LFR_SECOND_LOOK = environment.integer("LFR_SECOND_LOOK_PERCENT", 25, 0, 100)
LFR_SCRUTINY = environment.integer("LFR_SCRUTINY_PERCENT", 20, 1, 100)
LFR_LONG_ENGAGEMENT = dt.timedelta(minutes=environment.integer("LFR_LONG_ENGAGEMENT_MINUTES", 15, 1, 120))
LFR_ENGAGEMENT = dt.timedelta(minutes=environment.integer("LFR_ENGAGEMENT_MINUTES", 5, 1, 60))

# Lists and photographs.
LFR_LIST_SIZE_CAP = environment.integer("LFR_LIST_SIZE_CAP", 2000, 1, 1_000_000)
LFR_LARGEST_IMPORT = environment.integer("LFR_LARGEST_IMPORT_MB", 4096, 1, 100_000) * 2**20
LFR_OLD_PHOTOGRAPH_YEARS = environment.integer("LFR_OLD_PHOTOGRAPH_YEARS", 5, 1, 50)
LFR_CURRENCY_SAMPLE = environment.integer("LFR_CURRENCY_SAMPLE", 5, 1, 1000)
LFR_LOOK_ALIKE_MARGIN = environment.integer("LFR_LOOK_ALIKE_MARGIN_PERCENT", 4, 1, 50) / 100
LFR_PHOTOGRAPH_LIMITS = environment.limits("LFR_PHOTOGRAPH_LIMITS", LIMITS)
# The key store of the photographs. Their keys are never in the database.
LFR_KEY_STORE = environment.text("LFR_KEY_STORE", "core.keys.KeyFolder")
LFR_KEYS = Path(environment.text("LFR_KEYS", str(LFR_DATA / "keys"))).expanduser().resolve()

LFR_WEIGHTS = environment.folder("LFR_WEIGHTS")
LFR_MODEL = environment.choice(
    "LFR_MODEL", "SFace", ("SFace", "Dlib", "ArcFace", "Facenet512", "GhostFaceNet", "Buffalo_L")
)
LFR_MODEL_SHA256 = environment.digest("LFR_MODEL_SHA256")
DEEPFACE_HOME = LFR_DATA / "models"

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.contrib.postgres",
    "allauth",
    "allauth.account",
    "channels",
    "csp",
    "django_filters",
    "rest_framework",
    "knox",
    "drf_spectacular",
    "audit",
    "training",
    "watchlists",
    "deployments",
    "alerts",
    "capture",
    "notifications",
    "cases",
    "scrutiny",
    "reports",
    "demo",
    # Last, so that all permissions exist when it gives them to the roles.
    "lfr_site",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "lfr_site.middleware.NoStoreMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "lfr_site.middleware.HtmxMiddleware",
    # Every view requires a sign-in unless it is marked as public.
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "lfr_site.middleware.SignedInMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "lfr_site.middleware.RefusedMiddleware",
]

# A demonstration has a sign-in page of its own, where a press signs in.
ROOT_URLCONF = "demo.urls" if IS_DEMO else "lfr_site.urls"
ASGI_APPLICATION = "lfr_site.asgi.application"

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "lfr_site.context.house",
            ],
        },
    },
]

# Limits of a web process. Every request being handled holds a thread and at most one database connection; visitors who
# are not signed in have separate limits for requests and connections.
LFR_REQUESTS_AT_ONCE = environment.integer("LFR_REQUESTS_AT_ONCE", 12, 2, 100)
LFR_ANONYMOUS_REQUESTS_AT_ONCE = environment.integer("LFR_ANONYMOUS_REQUESTS_AT_ONCE", 3, 1, 20)
LFR_WAIT_FOR_A_PLACE_SECONDS = environment.integer("LFR_WAIT_FOR_A_PLACE_SECONDS", 10, 1, 60)
LFR_ANONYMOUS_CONNECTIONS = environment.integer("LFR_ANONYMOUS_CONNECTIONS", 256, 8, 10_000)
LFR_ANONYMOUS_CONNECTIONS_AN_ADDRESS = environment.integer("LFR_ANONYMOUS_CONNECTIONS_AN_ADDRESS", 128, 4, 10_000)
LFR_LARGEST_ANONYMOUS_REQUEST = 64 * 2**10
# Two threads for camera sockets, two for console sockets, one for opening sockets and one for checking the database.
OTHER_CONNECTIONS = 6

# Only web processes have a pool, which the supervisor enables. Others hold one connection, briefly two.
POOLS = environment.choice("LFR_DATABASE_POOL", "no", ("yes", "no")) == "yes"
DATABASE_POOL: dict[str, Any] = {
    "min_size": 2,
    # As many as can be requested at once, so that no request waits for a connection that another holds.
    "max_size": LFR_REQUESTS_AT_ONCE + LFR_ANONYMOUS_REQUESTS_AT_ONCE + OTHER_CONNECTIONS,
    "timeout": 5,
    "max_idle": 60,
}
_database = environment.database(environment.text("DATABASE_URL", services.database_url(LFR_DATA)))
DATABASES: dict[str, dict[str, Any]] = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        **_database,
        # A web process has a bounded pool: one connection for each place of its lanes (lfr_site.lanes) and for each
        # thread of cameras, consoles and health. A worker has one connection, which it keeps.
        "CONN_MAX_AGE": 0 if POOLS else environment.integer("LFR_DATABASE_CONNECTION_SECONDS", 0, 0, 3600),
        # Checking would cost a worker a round trip for every frame. Instead it replaces a connection that it finds
        # broken (capture.pipeline). Connections from a pool are checked.
        "CONN_HEALTH_CHECKS": POOLS,
        # Parameters are sent apart from the statement, so that no statement log can contain a passer-by's template.
        # A statement is prepared once it has been executed five times on a connection.
        "OPTIONS": {
            **_database.get("OPTIONS", {}),
            "server_side_binding": True,
            "prepare_threshold": 5,
            "connect_timeout": 5,
            # Milliseconds after which a connection to a server that does not respond is closed.
            "tcp_user_timeout": 10_000,
            **({"pool": DATABASE_POOL} if POOLS else {}),
        },
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

VALKEY_URL = environment.text("VALKEY_URL", services.valkey_url(LFR_DATA))
VALKEY_FRAMES_URL = environment.valkey(VALKEY_URL, 2)
VALKEY_SIGN_IN_URL = environment.valkey(VALKEY_URL, 3)
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [environment.valkey(VALKEY_URL, 1)]},
    }
}

CELERY_BROKER_URL = environment.celery_broker(VALKEY_URL)
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_DEFAULT_QUEUE = "clock"
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "socket_timeout": 5,
    "socket_connect_timeout": 5,
    "socket_keepalive": True,
    # No copies of messages for when a worker dies: by then a frame is worthless, scheduled tasks are sent again, and
    # keeping copies costs a worker more than a fifth of what recognition costs.
    "ack_emulation": False,
}
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
# Celery would close the connection after every task; a new one for each frame costs more than the search.
CELERY_DB_REUSE_MAX = 1_000_000
CELERY_BEAT_SCHEDULE = {
    name: {"task": name, "schedule": seconds, "options": {"expires": seconds}}
    for name, seconds in (
        ("deployments.end_run_out", 2),
        ("watchlists.destroy_due", 10),
        ("alerts.purge_due", 10),
        ("alerts.watch", 2),
        ("notifications.deliver", 2),
        ("lfr_site.scrub", 15),
        ("watchlists.work_on_imports", 3),
        ("audit.number", 2),
        ("lfr_site.checkpoint", 5),
        ("audit.attest", 10),
        ("audit.expire", 3600),
        ("cases.purge_due", 30),
        ("scrutiny.draw", 3600),
        ("audit.verify", 24 * 3600),
        ("reports.watch_equality", 24 * 3600),
        ("reports.write_public", 60),
    )
}
CELERY_BEAT_SCHEDULE_FILENAME = str(LFR_DATA / "beat")

AUTH_USER_MODEL = "lfr_site.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home"
ACCOUNT_ADAPTER = "lfr_site.accounts.ClosedAccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
# Allauth's own limits let one person lock out another: "login_failed" counts by the Host header and the name typed,
# and "login" by address, in the memory of each process. lfr_site.signin counts instead.
ACCOUNT_RATE_LIMITS = False
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
SESSION_COOKIE_AGE = 12 * 3600
SESSION_COOKIE_HTTPONLY = True

# The API accepts a signed-in user's session or a service account's token, of which only a digest is stored.
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "knox.auth.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PAGINATION_CLASS": "rest_framework.pagination.PageNumberPagination",
    "PAGE_SIZE": 100,
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "lfr_site.api.refused",
}
REST_KNOX = {"AUTH_HEADER_PREFIX": "Bearer", "AUTO_REFRESH": False}
SPECTACULAR_SETTINGS = {
    "TITLE": "LFR operations",
    "DESCRIPTION": "Watchlists and alerts: the queries and actions of the web pages, under the same permissions.",
    "VERSION": "1",
    "SERVE_PERMISSIONS": ["rest_framework.permissions.IsAuthenticated"],
    "ENUM_NAME_OVERRIDES": {
        "WatchlistState": "watchlists.models.Watchlist.State",
        "ImportState": "watchlists.models.Import.State",
        "AlertState": "alerts.models.Alert.State",
        "Feature": "alerts.choices.Feature",
        "Consulted": "watchlists.choices.Consulted",
        "PhotographSource": "watchlists.choices.Source",
    },
}

# A demonstration runs on http://localhost, which browsers treat as secure; anything else needs TLS.
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = not IS_DEMO
SECURE_SSL_REDIRECT = not IS_DEMO
SECURE_HSTS_SECONDS = 0 if IS_DEMO else 31_536_000
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if not IS_DEMO else None
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "blob:", "data:"],
        "media-src": [SELF, "blob:"],
        "object-src": [NONE],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "form-action": [SELF],
    }
}

LANGUAGE_CODE = "en-gb"
TIME_ZONE = "Europe/London"
USE_TZ = True
USE_I18N = False

STATIC_URL = "static/"
STATIC_ROOT = LFR_DATA / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = IS_DEMO
if not IS_DEMO:
    STORAGES = {
        "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
        "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
    }

# Uploads are photographs. Requests are limited in size (lfr_site.limits), and body and file stay in memory, so that no
# face is left in a temporary folder.
LFR_LARGEST_REQUEST = MAX_PHOTOGRAPH_BYTES + 2**20
FILE_UPLOAD_MAX_MEMORY_SIZE = LFR_LARGEST_REQUEST
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.MemoryFileUploadHandler"]
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_000_000

# The force's own networks that can be notified although they are not public (notifications.destinations).
LFR_OWN_NETWORKS = environment.networks("LFR_OWN_NETWORKS")

# The SMTP server for e-mail to subscribers. If it cannot be used, the log of deliveries gives the reason.
EMAIL_HOST = environment.text("LFR_SMTP_HOST", "localhost")
EMAIL_PORT = environment.integer("LFR_SMTP_PORT", 25, 1, 65_535)
EMAIL_HOST_USER = environment.text("LFR_SMTP_USER", "")
EMAIL_HOST_PASSWORD = environment.text("LFR_SMTP_PASSWORD", "")
EMAIL_USE_TLS = environment.choice("LFR_SMTP_TLS", "no" if IS_DEMO else "yes", ("yes", "no")) == "yes"
EMAIL_TIMEOUT = 5
DEFAULT_FROM_EMAIL = environment.text("LFR_SMTP_FROM", "lfr@localhost")

LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "filters": {"refusals_in_one_line": {"()": "lfr_site.logs.RefusalsInOneLine"}},
    "handlers": {
        "console": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["refusals_in_one_line"]}
    },
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {
        "django.db.backends": {"level": "INFO"},
        "celery.app.trace": {"level": "WARNING"},
        "celery.worker.strategy": {"level": "WARNING"},
    },
}
