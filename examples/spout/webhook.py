"""Make a file of what is posted: POST /name becomes /name in the pipeline's output."""

import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Hook(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        put = ["pachctl", "put", "file", f"webhook@master:{self.path}", "-f", "-"]
        done = subprocess.run(put, input=body, capture_output=True, check=False)
        # What is answered with 200 is committed.
        self.send_response(200 if done.returncode == 0 else 500)
        self.end_headers()
        self.wfile.write(done.stderr)


ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Hook).serve_forever()
