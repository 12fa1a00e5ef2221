"""Connections that one thread ends while another reads them.

Whoever waits for a socket waits for its number, and a closed one's number belongs to the next connection: a thread that
is about to wait would wait for that one, and take what it says."""

import os
import socket
import struct
import threading

_closing = threading.Lock()


def end(sock, reset=False):
    """Ends a connection, or a listener, at once, by a reset if wanted. Its number stays taken until the thread that reads
    it, which wakes, gives it to `close`."""
    with _closing:
        if sock.fileno() < 0:
            return
        try:
            if reset:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            sock.shutdown(socket.SHUT_RD if reset else socket.SHUT_RDWR)
        except OSError:
            pass
        nothing = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        os.dup2(nothing, sock.fileno(), inheritable=False)
        os.close(nothing)


def close(sock):
    with _closing:
        sock.close()
