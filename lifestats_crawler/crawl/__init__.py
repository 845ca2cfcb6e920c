"""One crawl in progress."""
