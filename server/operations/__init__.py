"""What whoever keeps the server needs: setup, backups, retention."""
