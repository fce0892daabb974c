"""What runs a build in this process."""
