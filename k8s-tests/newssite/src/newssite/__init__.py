"""Four made-up news sites for tests and the demo of the crawler.

A crawler can only be judged exactly against sites whose truth is known, whose faults happen on purpose, and which saw
every request. Everything is composed from a seed: two runs serve the same bytes, and no text comes from elsewhere.
"""
