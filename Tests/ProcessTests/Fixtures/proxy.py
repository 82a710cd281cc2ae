"""A proxy that lets nothing through. Prints its port, then the first line of each request."""
import socketserver


class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        print(self.rfile.readline().decode(errors="replace").strip(), flush=True)
        self.wfile.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")


server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
print(server.server_address[1], flush=True)
server.serve_forever()
