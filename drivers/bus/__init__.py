"""What several drivers share: the header, serial ports, Modbus, one HTTP request."""
