"""From settings to parts: what a deployment is made of."""
