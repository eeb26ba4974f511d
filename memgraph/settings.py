"""All settings, read from the environment. What each variable means is in docs/settings.md."""

import os
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.utils.crypto import salted_hmac

from memgraph import databases, embedded
from memgraph.environment import Environment
from memgraph.logs import LOGGING as LOGGING
from memgraph.secret_key import load_or_make_secret_key
from studio.static_files import keep_for_ever
from tenants.limits.bodies import LARGE_FORM

BASE_DIR = Path(__file__).resolve().parent.parent
env = Environment(os.environ)

# Where it runs

MEMGRAPH_ENV = env.choice("MEMGRAPH_ENV", "production", ["production", "development"])
DEVELOPMENT = MEMGRAPH_ENV == "development"
DEBUG = False  # Django's debug pages show settings and data; development mode does without them too
HOST = env.text("HOST", "127.0.0.1")
PORT = env.integer("PORT", 8001, minimum=1, maximum=65535)
WEB_CONCURRENCY = env.integer("WEB_CONCURRENCY", os.cpu_count() or 1, minimum=1, maximum=256)
THREADS = 26  # per worker; fewer than half of them can be taken by the slots of tenants/limits/slots.py
CONNECTIONS = THREADS + 3  # per worker: two transfers check their authority on a second one, and e-mail needs one
DATA_DIR = Path(env.text("MEMGRAPH_DATA_DIR", str(BASE_DIR / ".data"))).absolute()

PUBLIC_URL = env.url("PUBLIC_URL", f"http://127.0.0.1:{PORT}")
HTTPS = PUBLIC_URL.startswith("https://")
LOOPBACK_NAMES = ["127.0.0.1", "localhost", "[::1]"]
PUBLIC_HOST = urlsplit(PUBLIC_URL).hostname or ""
ALLOWED_HOSTS = env.names("ALLOWED_HOSTS") or [
    *LOOPBACK_NAMES,
    f"[{PUBLIC_HOST}]" if ":" in PUBLIC_HOST else PUBLIC_HOST,
]
TRUSTED_PROXIES = env.integer("TRUSTED_PROXIES", 0, minimum=0, maximum=10)
if TRUSTED_PROXIES:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

AUTHORITY_LEASE = env.choice("AUTHORITY_LEASE", "on", ["on", "off"]) == "on"  # see tenants/lease.py

# Database

DATABASE_URL = env.text("DATABASE_URL")
EMBEDDED_DATABASE = not DATABASE_URL
DATABASES: dict[str, dict[str, Any]] = {}
if EMBEDDED_DATABASE:
    DATABASES["default"] = databases.embedded_database(embedded.socket_directory(DATA_DIR))
else:
    try:
        DATABASES["default"] = databases.parse_database_url(DATABASE_URL)
    except ValueError as error:
        env.mistake(f"DATABASE_URL {error}. It looks like postgresql://user:password@host:5432/memgraph.")

# Secrets

SECRET_KEY = env.text("SECRET_KEY")
if not SECRET_KEY and EMBEDDED_DATABASE:
    SECRET_KEY = load_or_make_secret_key(DATA_DIR)
if not SECRET_KEY and not EMBEDDED_DATABASE:
    env.mistake(
        "SECRET_KEY is not set, and DATABASE_URL is. Set it to 32 random bytes or more, the same on every host:"
        ' python3 -c "import secrets; print(secrets.token_urlsafe(48))"'
    )
elif len(SECRET_KEY.encode()) < 32:
    env.mistake(
        f"SECRET_KEY has {len(SECRET_KEY.encode())} bytes, and 32 are needed (RFC 7518, section 3.2). Create one with:"
        ' python3 -c "import secrets; print(secrets.token_urlsafe(48))"'
    )

JWT_SIGNING_KEYS = env.secrets_by_id("JWT_SIGNING_KEYS", minimum_bytes=32) or {
    "default": salted_hmac("memgraph.jwt", "signing key", secret=SECRET_KEY, algorithm="sha256").hexdigest()
}
AUDIT_KEYS = env.secrets_by_id("AUDIT_KEYS", minimum_bytes=32) or {
    "default": salted_hmac("memgraph.audit", "chain key", secret=SECRET_KEY, algorithm="sha256").hexdigest()
}
ACCESS_TOKEN_LIFETIME = env.duration("ACCESS_TOKEN_LIFETIME", "7d")

# Search

SEARCH_LANGUAGE = env.text("SEARCH_LANGUAGE", "english")  # a text search configuration of PostgreSQL

# Episodes

EPISODE_GAP = timedelta(minutes=env.integer("EPISODE_GAP_MINUTES", 30, minimum=1, maximum=10_080))

# Sign-up and e-mail

SIGNUP = env.choice("SIGNUP", "open", ["open", "invite"])
MAIL_SERVER = env.mail_server("EMAIL_URL")
EMAIL_CONFIGURED = bool(MAIL_SERVER) or DEVELOPMENT
EMAIL_BACKEND = f"django.core.mail.backends.{'console' if DEVELOPMENT and not MAIL_SERVER else 'smtp'}.EmailBackend"
EMAIL_HOST = MAIL_SERVER.get("EMAIL_HOST", "")
EMAIL_PORT = MAIL_SERVER.get("EMAIL_PORT", 25)
EMAIL_HOST_USER = MAIL_SERVER.get("EMAIL_HOST_USER", "")
EMAIL_HOST_PASSWORD = MAIL_SERVER.get("EMAIL_HOST_PASSWORD", "")
EMAIL_USE_SSL = MAIL_SERVER.get("EMAIL_USE_SSL", False)
EMAIL_USE_TLS = MAIL_SERVER.get("EMAIL_USE_TLS", False)
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = MAIL_SERVER.get("DEFAULT_FROM_EMAIL") or f"memgraph@{urlsplit(PUBLIC_URL).hostname}"

# Limits on requests

TENANT_RATE_LIMIT = env.integer("TENANT_RATE_LIMIT", 0, minimum=0, maximum=1_000_000) or None
DATA_UPLOAD_MAX_MEMORY_SIZE = LARGE_FORM  # of every form; tenants/limits/bodies.py has the limits of each route
CLIENT_PATIENCE = env.duration("CLIENT_PATIENCE", "10s")
FILE_UPLOAD_HANDLERS = ["memgraph.uploads.NoFiles"]
IMPORT_MAX_BYTES = env.integer("IMPORT_MAX_BYTES", 1024**3 - 1, minimum=1024, maximum=999_999_999_999)

env.exit_on_mistakes()

# Django

INSTALLED_APPS = [
    "memgraph.apps.MemgraphConfig",
    "studio",
    "memory",
    "accounts",
    "apikeys",
    "tenants",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "memgraph.apps.OperatorAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",  # for `clearsessions`; its table stays empty
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.staticfiles",
]
MIDDLEWARE = [
    "memgraph.middleware.RequestMiddleware",
    "memgraph.middleware.PageMiddleware",
]
PAGE_MIDDLEWARE = [
    "memgraph.middleware.CompressPages",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
ROOT_URLCONF = "memgraph.urls"
WSGI_APPLICATION = "memgraph.wsgi.application"
APPEND_SLASH = False
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "studio.page_context.studio",
            ]
        },
    }
]
USE_TZ = True
TIME_ZONE = "UTC"
USE_I18N = False
STATIC_URL = "/static/"
WHITENOISE_USE_FINDERS = True
WHITENOISE_ADD_HEADERS_FUNCTION = keep_for_ever
MESSAGE_STORAGE = "django.contrib.messages.storage.cookie.CookieStorage"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# People and passwords

AUTH_USER_MODEL = "accounts.User"
LOGIN_REDIRECT_URL = "/admin/"  # only operators have Django's own sign-in
PASSWORD_HASHERS = ["accounts.hashers.OWASPArgon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "accounts.validators.PasswordLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ("email", "full_name")},
    },
]

# Cookies and headers, by the scheme of PUBLIC_URL

SESSION_ENGINE = "accounts.operator_sessions"
SESSION_COOKIE_NAME = "__Host-operator" if HTTPS else "operator"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_AGE = 12 * 3600
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_NAME = "__Host-csrf" if HTTPS else "csrf"
CSRF_COOKIE_HTTPONLY = True
CSRF_FAILURE_VIEW = "memgraph.errors.csrf_failure"
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]
SILENCED_SYSTEM_CHECKS = [
    *("security.W001", "security.W002"),  # `RequestMiddleware` sets these headers, for the API too
    "security.W008",  # no redirect to https: clients turn a redirected POST into a GET
    *("admin.E408", "admin.E409", "admin.E410", "security.W003"),  # they expect PAGE_MIDDLEWARE in MIDDLEWARE
    "security.W021",  # preloading HSTS affects the whole domain, so its owner decides
]

# The API

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.authentication.JWTAuthentication",
        "apikeys.authentication.APIKeyAuthentication",
        *(["tenants.authentication.DevelopmentAnonymous"] if DEVELOPMENT else []),
    ],
    "UNAUTHENTICATED_USER": "tenants.principal.Nobody",
    "UNAUTHENTICATED_TOKEN": None,
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["memgraph.renderers.JSONRenderer"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "memgraph.renderers.ContentNegotiation",
    "DEFAULT_PARSER_CLASSES": ["memgraph.parsers.JSONParser"],
    "DEFAULT_PAGINATION_CLASS": "memgraph.pagination.KeysetPagination",
    "DEFAULT_SCHEMA_CLASS": "memgraph.openapi.Schema",
    "DEFAULT_METADATA_CLASS": None,
    "EXCEPTION_HANDLER": "memgraph.errors.exception_handler",
    "URL_FORMAT_OVERRIDE": None,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Memgraph",
    "DESCRIPTION": "Accounts, keys, tenants and memory for AI agents.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.1",
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SERVE_AUTHENTICATION": [],
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": r"/v[0-9]",
    "ENUM_NAME_OVERRIDES": {
        "Role": "tenants.models.Role",
        "APIKeyStatus": "apikeys.status.Status",
        "InvitationStatus": "accounts.models.Invitation.Status",
    },
}
