"""What a member sees and does of their own: machines, minutes, badge, data; how the workshop is; how they come in."""
