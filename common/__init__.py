"""What every room stands on: errors, translated texts, strict reading."""
