"""Who logs in, and what each may do."""
