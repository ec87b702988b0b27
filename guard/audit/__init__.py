"""The audit trail: what was decided on each request, kept off the request path."""
