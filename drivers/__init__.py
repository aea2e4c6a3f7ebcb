"""What touches hardware: readers, outputs, lights, inputs. Knows nothing about members."""
