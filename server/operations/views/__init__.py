"""The pages of whoever keeps the server: where one begins, Setup, a backup."""
