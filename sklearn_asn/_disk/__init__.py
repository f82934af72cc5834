"""Files: how one, several or a folder of them appear whole."""
