"""The simulated board, asked as a service is."""

import json
import os
import socket


def ask(**what):
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as link:
        link.connect(os.environ["LOQUET_BOARD"])
        link.send(json.dumps({"do": "pcsc", **what}).encode())
        return json.loads(link.recv(65536))["is"]
