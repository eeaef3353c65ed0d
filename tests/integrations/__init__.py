"""Tests of the integrations: contract suites for every capability, and what is particular to each tool."""
