"""An OpenAI-compatible server on a free port of this machine, which is the first line that it prints.

Every fourth request fails with 503, and every sixth is answered with what is no reply, so that each has to be sent again.
"""

import http.server
import json
import threading

count = 0
lock = threading.Lock()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_POST(self):
        global count
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with lock:
            count += 1
            number = count
        if self.path != "/v1/chat/completions" or body["model"] not in ("a", "b"):
            return self.reply(404, {"error": {"message": "no such model"}})
        if number % 4 == 0:
            return self.reply(503, {"error": {"message": "busy"}})
        if number % 6 == 0:
            return self.reply(200, {"choices": []})
        text = f"{body['model']} on {body['messages'][-1]['content']}"
        self.reply(200, {"choices": [{"index": 0, "message": {"role": "assistant", "content": text}}]})

    def reply(self, status, value):
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
server.serve_forever()
