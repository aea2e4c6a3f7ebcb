"""What Django is told; made from the settings file, and from nothing else."""

from __future__ import annotations

import hashlib
from typing import Any

from server.core import configuration, keys
from server.core.configuration import Certificate, Security

LOQUET = configuration.load()
KEYS = keys.load(LOQUET.data_dir)

SECRET_KEY = hashlib.sha512(f"loquet web {KEYS.web}".encode()).hexdigest()  # as long as Django wants it
DEBUG = False
ALLOWED_HOSTS = ["*"]  # held to the names of the configuration by server.asgi, for pages and API alike
ROOT_URLCONF = "server.urls"
INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "django_otp",
    "django_otp.plugins.otp_totp",
    "django_otp.plugins.otp_static",
    "axes",
    "server.core",
    "server.accounts",
    "server.inbox",
    "server.mail",
    "server.edits",
    "server.sites",
    "server.people",
    "server.whitelist",
    "server.imports",
    "server.reminders",
    "server.upkeep",
    "server.devices",
    "server.journal",
    "server.usage",
    "server.billing",
    "server.machines",
    "server.own",
    "server.sticks",
    "server.today",
    "server.search",
    "server.operations",
]
MIDDLEWARE = [
    "server.core.middleware.safe",
    "django.middleware.gzip.GZipMiddleware",  # small over a slow line; it pads what it makes, against BREACH
    "server.core.middleware.without_nul",
    "server.core.middleware.through_a_proxy",
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_otp.middleware.OTPMiddleware",
    "server.core.middleware.in_their_language",
    "axes.middleware.AxesMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.jinja2.Jinja2",
        "DIRS": [],
        "APP_DIRS": False,
        "OPTIONS": {"environment": "server.core.rendering.environment"},
    }
]
# What every page knows besides its own, app by app.
PAGE_CONTEXT = [
    "server.core.rendering.context",
    "server.core.exports.context",
    "server.accounts.context.context",
    "server.devices.context.context",
]
DATABASES: dict[str, Any] = {"default": configuration.database(LOQUET.data_dir)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "accounts.Account"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
    "sesame.backends.ModelBackend",
]
# The links by which members come in: good once, for a quarter of an hour.
SESAME_MAX_AGE = 900
SESAME_ONE_TIME = True
if LOQUET.oidc.issuer:
    AUTHENTICATION_BACKENDS.append("server.accounts.single_sign_on.backend.Provider")
OIDC_MAX_STATES = 5  # sign-ins that one browser has begun: they are in a cookie
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ("username",)},
    },
]
LOGIN_URL = "/login"
USE_TZ = True
TIME_ZONE = LOQUET.server.timezone
LANGUAGE_CODE = LOQUET.server.language
LANGUAGES = [("en", "English"), ("fr", "français")]
USE_I18N = True

EMAIL_HOST, EMAIL_PORT = LOQUET.mail.host, LOQUET.mail.port
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = LOQUET.mail.user, LOQUET.mail.password
EMAIL_USE_TLS = LOQUET.mail.security is Security.STARTTLS
EMAIL_USE_SSL = LOQUET.mail.security is Security.TLS
EMAIL_TIMEOUT = 20
DEFAULT_FROM_EMAIL = SERVER_EMAIL = LOQUET.mail.sender or "loquet@localhost"

_secure = LOQUET.server.certificate is not Certificate.PROXY
SESSION_COOKIE_SECURE = True
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 12 * 3600
SESSION_EXPIRE_AT_BROWSER_CLOSE = False
CSRF_COOKIE_SECURE = True
CSRF_FAILURE_VIEW = "server.core.views.csrf_failed"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_PROXY_SSL_HEADER = None if _secure else ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_HSTS_SECONDS = 0  # with a certificate of its own, a browser that insists would lock people out
X_FRAME_OPTIONS = "DENY"
# What `check --deploy` asks for and is wrong here: HSTS (W004) would lock people out of a server with a certificate of
# its own, as most have; and nothing answers without TLS that could be sent elsewhere (W008).
SILENCED_SYSTEM_CHECKS = ["security.W004", "security.W008"]
DATA_UPLOAD_MAX_MEMORY_SIZE = 5_000_000
FILE_UPLOAD_MAX_MEMORY_SIZE = 5_000_000
DATA_UPLOAD_MAX_NUMBER_FIELDS = 5_000

# Five wrong passwords for one name from one address rest for a quarter of an hour, and nobody else is kept out.
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = 0.25
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_ENABLE_ADMIN = False
AXES_VERBOSE = False
AXES_LOCKOUT_CALLABLE = "server.core.views.locked_out"
OTP_TOTP_ISSUER = LOQUET.server.name

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
}
