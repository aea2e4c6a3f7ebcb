"""The central server: the fabmanager's web pages, the devices' API."""
