"""Who may use which machine."""
