"""What is shown: displays, lights, buzzers."""
