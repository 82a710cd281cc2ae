"""A reward server with the faults that servers have. Prints its port, then a line for each request: path and status."""
import http.server
import json
import sys
import time

seen = {}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        count = seen[self.path] = seen.get(self.path, 0) + 1
        status, answer = 200, None
        if self.path == "/v1/classify":
            scores = [len(text) / 100 for text in body["input"]]
            # In any order: the index says whose it is.
            answer = {"data": [dict(index=i, score=score) for i, score in enumerate(scores)][::-1]}
            if self.headers["Authorization"] != "Bearer sesame" or body["model"] != "judge":
                status, answer = 401, {"error": "who are you?"}
        else:
            answer = {"rewards": [len(text) / 100 for text in body["responses"]]}
        if self.path == "/flaky" and count <= 2:
            status, answer = 503, {"error": "loading"}
        if self.path == "/null":
            answer["rewards"][0] = None
        if self.path == "/sequence":
            for text in body["query"]:
                print("text", json.dumps(text)[1:-1], flush=True)
        if self.path == "/picky" and any("number 7:" in prompt for prompt in body["prompts"]):
            status, answer = 422, {"error": "too long"}
        if self.path == "/missing":
            status = 404
        if self.path == "/hang" and count == 3:  # not the first, which has the grace of a first load
            time.sleep(60)
        if self.path == "/garbage" and count > 1:  # not when the reward is tried
            answer = "garbage"
        if self.path == "/moved":
            status = 307
        data = json.dumps(answer).encode()
        # Before the answer: the client may have asked again by the time this thread goes on.
        print(self.path, status, len(body.get("responses", body.get("input"))), flush=True)
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        if status == 307:
            self.send_header("Location", "/score")
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
print(server.server_address[1], flush=True)
server.serve_forever()
