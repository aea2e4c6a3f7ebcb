"""The pages of controllers: how they are, what they propose, and each machine now."""
