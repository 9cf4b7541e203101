"""The engine: plans what would be written where (pure), checks that it is safe, and applies it."""
