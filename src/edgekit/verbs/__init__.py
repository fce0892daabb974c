"""What a user asks for: export, run, bench, inspect, and what this machine has for it."""
