"""What is switched, under its lease: one output, a machine's, one at the end of a cable."""
