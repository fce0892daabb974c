"""Where builds run besides this process."""
