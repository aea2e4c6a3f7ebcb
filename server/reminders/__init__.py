"""Letters before something ends: to the member whose it is, and in a digest to those who run the workshop."""
