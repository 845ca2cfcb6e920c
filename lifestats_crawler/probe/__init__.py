"""What ``scrapy probe`` asks an API, and what the answers prove about the configuration."""
