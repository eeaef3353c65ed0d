"""Tests of the Alertmanager integration."""
