"""Who may call: proxy keys, what each allows, and its limits."""
