"""Reports for people: tables are counted with pandas here and nowhere else, and drawn where looking beats reading."""
