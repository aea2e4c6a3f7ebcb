"""The pages: accounts, whitelist, badges, workshop, devices, and all that a fabmanager touches."""
