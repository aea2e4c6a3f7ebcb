"""Machines as people see them: what each does now and has done, what keeps it going, who is told."""
