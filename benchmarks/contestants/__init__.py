"""Those who are compared: lifestats, and programs that count the same fields in other ways."""
