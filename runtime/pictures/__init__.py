"""Pictures through a build: PNG and JPEG files in, the network's findings drawn on them."""
