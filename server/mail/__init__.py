"""Letters: a queue in the database, sent by SMTP, and a page of what went out."""
