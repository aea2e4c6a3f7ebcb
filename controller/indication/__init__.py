"""What people are shown: lights, sounds, displays."""
