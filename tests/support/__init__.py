"""What tests of several parts use: the command line in this process, servers, a browser."""
