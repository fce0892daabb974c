"""Loops along time that torch writes out turn by turn: found in an export, and rolled back into one step."""
