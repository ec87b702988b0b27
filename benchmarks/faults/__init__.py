"""What happens when things break: the real server, over real sockets, with everything around it failing."""
