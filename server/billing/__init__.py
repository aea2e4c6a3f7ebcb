"""What use costs: prices and plans, accounts by double entry, months that are closed, machines that several own."""
