"""Trainings and machines that are there under two names: the same training, the same machine under a new controller."""
