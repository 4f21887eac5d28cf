"""Web APIs: what to ask, page after page, and how to take the rows out of the answers. Rows become frames in the engines."""
