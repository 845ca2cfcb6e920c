"""The programs that are compared with lifestats: they count the same fields in other ways."""
