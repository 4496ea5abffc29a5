"""Engines that build images."""
