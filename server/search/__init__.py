"""Searching from anywhere: members, machines, badges, pages."""
