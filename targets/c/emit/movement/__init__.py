"""Emitters of operators that only move elements."""
