"""Beliefs: what was learned about a subject, in versions. At most one version per subject and key is active."""
