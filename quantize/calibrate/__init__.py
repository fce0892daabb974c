"""What is seen of a network's tensors on real inputs."""
