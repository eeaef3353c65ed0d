"""Tests of permissions and the audit log."""
