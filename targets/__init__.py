"""Lowering: check a model against a target, lower it to a `Build`.

Reading order: target (the table), build (the value), facts, c (C99), onnxruntime, report.
"""
