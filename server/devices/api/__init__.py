"""The devices' API: what controllers say and hear. Starlette in front of Django, no page and no session."""
