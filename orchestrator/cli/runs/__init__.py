"""Runs as the command starts, watches, stops and feeds them."""
