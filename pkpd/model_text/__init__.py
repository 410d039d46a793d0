"""Models as text: read and written without ever running what is written."""
