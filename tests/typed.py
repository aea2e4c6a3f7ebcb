"""What Django is told while mypy looks at the models: nothing that a machine has to have."""

INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth", "django.contrib.sessions", "server.apps.Server"]
AUTH_USER_MODEL = "server.Account"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
SECRET_KEY = "of nobody"
USE_TZ = True
