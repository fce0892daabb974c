"""Scripts for the environments of peers: they import numpy and the peer, and nothing of edgekit."""
