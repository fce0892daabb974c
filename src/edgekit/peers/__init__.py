"""Other engines beside a build: each in an environment of its own, since their packages clash."""
