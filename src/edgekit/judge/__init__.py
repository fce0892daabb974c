"""How good a build is: clips held out, levels, metrics, decisions, images, and what it costs.

Export, `auto`, `bench` and `finetune` ask this room; it asks nobody above `fpga`.
"""
