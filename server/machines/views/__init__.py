"""Each page of the machines."""
