"""NormGuard inside other frameworks: one file each, which imports that framework and is imported only when used."""
