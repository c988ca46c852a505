"""Title, text and language -> mentions of people, places and organisations under one id in every language."""
