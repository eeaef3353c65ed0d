"""Tests of settings, catalog, toolbox and logs."""
