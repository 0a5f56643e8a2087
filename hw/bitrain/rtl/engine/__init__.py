"""The engine around the array: memories, loops, operand loading, output."""
