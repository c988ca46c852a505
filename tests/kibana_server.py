"""A loopback server that keeps what Kibana 8.19 and 9 document of importing and exporting saved objects.

It is no Kibana: it draws nothing and checks little of what is inside an object. What it holds to is named in
docs/kibana.md.
"""

import base64
import json
import re
import ssl
import threading
import uuid
from contextlib import contextmanager
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

CHECKED = {"index-pattern", "search"}  # types of references that an import looks for
KEPT = ("type", "id", "attributes", "references", "coreMigrationVersion", "typeMigrationVersion", "originId")
ADDED = {"managed": False, "created_at": "2026-03-02T09:00:00.000Z", "updated_at": "2026-03-02T09:00:00.000Z"}


class KibanaServer:
    """What it holds, and what it lets through."""

    def __init__(self):
        self.version = "9.2.4"
        self.key, self.user = "a2V5OnNlY3JldA==", ("elastic", "pass:word")
        self.spaces = {"default", "desk"}
        self.objects = {}  # (space, type, id) -> object
        self.writable, self.ready, self.base, self.largest = True, True, "", 26_214_400
        self.asked = []  # "METHOD path"

    def put(self, space, line, overwrite):
        """Takes one object in; gives (result, error), one of them None."""
        one = {name: line[name] for name in KEPT if name in line}
        kind, name = one["type"], one["id"]
        lacking = [
            {"type": reference["type"], "id": reference["id"]}
            for reference in one["references"]
            if reference["type"] in CHECKED and not self.finds(space, reference["type"], reference["id"])
        ]
        told = {"type": kind, "id": name, "meta": {"title": one["attributes"].get("title", "")}}
        if lacking:
            return None, {**told, "error": {"type": "missing_references", "references": lacking}}
        there = self.finds(space, kind, name)
        if there and not overwrite:
            return None, {**told, "error": {"type": "conflict"}}
        elsewhere = any(key[1:] == (kind, name) and key[0] != space for key in self.objects)
        own = there or (str(uuid.uuid4()) if elsewhere else name)
        references = [
            {**reference, "id": self.finds(space, reference["type"], reference["id"]) or reference["id"]}
            for reference in one["references"]
        ]
        origin = {} if own == name else {"originId": name}
        self.objects[space, kind, own] = {**one, **ADDED, **origin, "id": own, "references": references}
        return {**told, **({} if own == name else {"destinationId": own})}, None

    def finds(self, space, kind, name):
        """The id in the space of an object that is there, or came from one, with that name."""
        for (where, what, own), one in self.objects.items():
            if (where, what) == (space, kind) and name in (own, one.get("originId")):
                return own
        return None


class _Handler(BaseHTTPRequestHandler):
    kibana: KibanaServer

    def log_message(self, *_):
        """Says nothing."""

    def do_GET(self):
        self._answer_to("GET")

    def do_POST(self):
        self._answer_to("POST")

    def _answer_to(self, method):
        kibana, body = self.kibana, self.rfile.read(int(self.headers.get("content-length", 0)))
        kibana.asked.append(f"{method} {self.path}")
        if not self.path.startswith(kibana.base):
            return self._say(302, {}, Location=kibana.base + self.path)
        path = self.path.removeprefix(kibana.base)
        if not kibana.ready:
            return self._say(503, "Kibana server is not ready yet")
        pair = base64.b64encode(":".join(kibana.user).encode()).decode()
        if self.headers.get("authorization") not in (f"ApiKey {kibana.key}", f"Basic {pair}"):
            return self._refuse(401, "missing authentication credentials")
        if method == "GET" and path == "/api/status":
            return self._say(
                200, {"name": "test", "version": {"number": kibana.version, "build_flavor": "traditional"}}
            )
        if method == "GET" and (found := re.fullmatch("/api/spaces/space/([^/]+)", path)):
            known = found[1] in kibana.spaces
            return self._say(200, {"id": found[1]}) if known else self._refuse(404, "Not Found")
        found = re.fullmatch(r"(?:/s/([^/]+))?/api/saved_objects/(_import|_export)(?:\?(.*))?", path)
        if method == "POST" and found:
            if "kbn-xsrf" not in self.headers:
                return self._refuse(400, "Request must contain a kbn-xsrf header.")
            act = self._import if found[2] == "_import" else self._export
            return act(found[1] or "default", found[3] or "", body)
        return self._refuse(404, "Not Found")

    def _import(self, space, query, body):
        kind = self.headers["content-type"]
        if not kind.startswith("multipart/form-data"):
            return self._refuse(415, "Unsupported Media Type")
        if len(body) > self.kibana.largest:
            return self._refuse(413, f"Payload content length greater than maximum allowed: {self.kibana.largest}")
        if not self.kibana.writable:
            return self._refuse(403, "Unable to bulk_create dashboard,index-pattern,lens,search")
        (part,) = BytesParser().parsebytes(f"Content-Type: {kind}\r\n\r\n".encode() + body).get_payload()
        assert part.get_param("name", header="content-disposition") == "file"
        if not part.get_filename("").endswith(".ndjson"):
            return self._refuse(400, f"Invalid file extension {part.get_filename()}")
        lines = [json.loads(line) for line in part.get_payload(decode=True).decode().splitlines() if line.strip()]
        done = [self.kibana.put(space, line, "overwrite=true" in query) for line in lines]
        good, bad = [one for one, _ in done if one], [error for _, error in done if error]
        said = {"success": not bad, "successCount": len(good), "warnings": [], "successResults": good}
        return self._say(200, {**said, **({"errors": bad} if bad else {})})

    def _export(self, space, _query, body):
        wanted = json.loads(body)
        found = [
            one for (where, kind, _), one in self.kibana.objects.items() if where == space and kind in wanted["type"]
        ]
        assert wanted["excludeExportDetails"] is True
        assert wanted["includeReferencesDeep"] is True
        return self._say(200, "\n".join(json.dumps({**one, "version": "WzEsMV0="}) for one in found))

    def _refuse(self, status, message):
        self._say(status, {"statusCode": status, "error": "Error", "message": message})

    def _say(self, status, said, **headers):
        body = (said if isinstance(said, str) else json.dumps(said)).encode()
        self.send_response(status)
        for name, value in {"content-length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def kibana_server(certificate=None):
    """The server and its address; over TLS with a certificate's (file, key file)."""
    kibana = KibanaServer()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"kibana": kibana}))
    server.daemon_threads = True
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        scheme = "https" if certificate else "http"
        yield kibana, f"{scheme}://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
