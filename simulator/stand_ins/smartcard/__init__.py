"""Stands in for `pyscard` on a machine without PC/SC: readers and cards are the simulated board's."""
