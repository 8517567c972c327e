"""What people make of One Map: differences between states, thematic maps, printed sheets, bookmarks and links."""
