"""What NormGuard keeps in a database: the audit trail and proxy keys (extra ``database``)."""
