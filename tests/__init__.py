"""Tests of Shipmate; one folder per area."""
