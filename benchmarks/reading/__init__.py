"""How well texts are read: languages, places and their roles, acts and things."""
