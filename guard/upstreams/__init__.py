"""Where requests go once they are guarded."""
