"""What happens to machines: defects that are reported, and for how long each was locked or out of order."""
