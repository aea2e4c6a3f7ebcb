"""The pages at the door, of an invitation, and of one's own account."""
