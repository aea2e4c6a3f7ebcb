"""The safety process, and what it shares with the daemon: leases, sd_notify, raw serial. Next to no imports."""
