"""What is read: contacts, currents, meters."""
