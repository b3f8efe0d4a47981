"""What a page can ask for: `files`, `images`, `runs`; `asked` has what they share."""
