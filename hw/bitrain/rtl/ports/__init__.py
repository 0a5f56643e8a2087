"""What joins engines to the outside: streams, AXI buses, the serial line."""
