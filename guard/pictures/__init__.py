"""Pictures as bytes: decoded, in processes of their own, and fetched."""
