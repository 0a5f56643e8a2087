"""Models as they are written elsewhere: material for the front end."""
