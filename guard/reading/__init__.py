"""What a conversation says: its languages, the places it names and their roles, acts and things."""
