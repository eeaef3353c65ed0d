"""Tests of the `gitlab` integration."""
