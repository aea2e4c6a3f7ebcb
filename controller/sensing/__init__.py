"""What is sensed: readers, the badges on them, inputs."""
