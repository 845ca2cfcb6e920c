"""What the user asked for: config.yml, read, checked and handed on."""
