"""Does the guard make a model comply? CROSS, or an operator's own cases, against a model bare and guarded."""
