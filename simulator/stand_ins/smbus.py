"""Stands in for `smbus`, which RPLCD takes where it finds it."""

from smbus2 import SMBus

__all__ = ["SMBus"]
