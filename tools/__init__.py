"""What keeps the project in order and is never shipped: set-up and generated documentation."""
