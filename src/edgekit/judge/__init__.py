"""The quality of a build: clips held out, levels, metrics, decisions, images, and costs.

Export, `auto`, `bench` and `finetune` use this package; it imports nothing above `fpga`.
"""
