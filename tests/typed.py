"""What Django is told while mypy looks at the models: nothing that a machine has to have."""

from server.core.configuration import Configuration

APPS = [
    "core",
    "accounts",
    "inbox",
    "mail",
    "edits",
    "sites",
    "people",
    "whitelist",
    "imports",
    "reminders",
    "upkeep",
    "devices",
    "journal",
    "usage",
    "billing",
    "machines",
    "own",
    "today",
    "search",
    "operations",
]
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth", "django.contrib.sessions"]
INSTALLED_APPS += [f"server.{app}" for app in APPS]
AUTH_USER_MODEL = "accounts.Account"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
SECRET_KEY = "of nobody"
USE_TZ = True
LOQUET: Configuration
PAGE_CONTEXT: tuple[str, ...] = ()
