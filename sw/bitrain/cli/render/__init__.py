"""What commands print: tables and lines."""
