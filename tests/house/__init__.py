"""The rules of the house: what holds for every file of the project."""
