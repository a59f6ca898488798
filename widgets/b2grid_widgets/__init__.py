"""One panel per step."""
