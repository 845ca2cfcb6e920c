"""Before a crawl: what it would do, and whether the configuration reads the API."""
