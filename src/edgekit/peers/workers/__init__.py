"""What runs in the environments of peers: scripts that know numpy, the peer, and nothing of edgekit."""
