"""Boards, and bitstreams for them."""
