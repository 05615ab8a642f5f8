"""Steering, learned and judged on a workstation."""
