"""What `pyscard` keeps of the service."""
