"""The pages of whoever keeps the server: where one begins, Setting up, a backup."""
