"""What the product costs beside plain Python, Polars and deltalake, measured in fresh processes."""
