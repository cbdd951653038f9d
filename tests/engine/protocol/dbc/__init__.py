"""What is sent, read from outside: by cantools and the DBC files of docs/dbc/."""
