"""What `loquet setup` and `loquet check` look at, ask and try."""
