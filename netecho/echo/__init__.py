"""What an echo server does with the bytes it gets. No socket, no clock, no print."""
