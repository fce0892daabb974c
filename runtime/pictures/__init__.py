"""Pictures through a build: PNG and JPEG files in, what the network found drawn on them."""
