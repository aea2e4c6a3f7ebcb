"""How the server's database came to be."""
