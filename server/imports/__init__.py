"""Sheets of members: read, asked about, looked at, taken over, taken back; by hand, or each night by themselves."""
