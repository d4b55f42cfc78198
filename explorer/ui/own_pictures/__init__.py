"""The room of pictures of one's own: the search for their points."""
