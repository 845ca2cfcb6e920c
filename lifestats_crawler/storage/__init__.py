"""What is on disk: runs, their segments and reports."""
