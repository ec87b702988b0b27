"""How well the local check of answers tells breach from respect, on norms that it never saw."""
