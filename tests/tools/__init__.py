"""What the make targets are made of. Everything here runs on a bare Python, before anything is installed."""
