"""The verbs of the user: export, run, bench, inspect, and doctor, which lists the tools of this machine."""
