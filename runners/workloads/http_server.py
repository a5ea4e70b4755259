"""A web server on loopback that gives one answer to every request; see `http_get`.

    python http_server.py LATENCY_S SIZE_BYTES

It reads the body of the answer from its standard input, writes its port to standard output, and
ends when its standard input does: at the latest when the process that started it is gone.
"""

import sys
import threading
import time
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer


class Server(ThreadingTCPServer):  # HTTPServer would look up the name of its address
    daemon_threads = True
    request_queue_size = 1024

    def __init__(self, latency_s: float, body: bytes) -> None:
        class Answer(BaseHTTPRequestHandler):
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                time.sleep(latency_s)
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                pass

        super().__init__(("127.0.0.1", 0), Answer)


if __name__ == "__main__":
    with Server(float(sys.argv[1]), sys.stdin.buffer.read(int(sys.argv[2]))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        print(server.server_address[1], flush=True)
        sys.stdin.buffer.read()
        server.shutdown()
