"""The workbench: a page on loopback on which anyone plays with the shipped daemon, on simulated hardware."""
