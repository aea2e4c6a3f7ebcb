"""What stands before pages and API: how many connections, bytes and requests anybody may have under way at once."""
