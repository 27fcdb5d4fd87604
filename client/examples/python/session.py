"""Creates, updates, reads and revokes a session over mutual TLS, from Python.

Needs no Rust: only the .proto files and a client certificate.

    pip install -r client/examples/python/requirements.txt
    python client/examples/python/session.py --data ./sojourn-data
"""

import argparse
import importlib
import json
import pathlib
import sys
import tempfile

import grpc
from grpc_tools import protoc

ROOT = pathlib.Path(__file__).resolve().parents[3] / "proto"
PROTO = "sojourn/session/v1/session.proto"


def generated():
    """Compiles the proto into a temporary folder and returns its two modules."""
    out = tempfile.mkdtemp()
    if protoc.main(["", f"-I{ROOT}", f"--python_out={out}", f"--grpc_python_out={out}", PROTO]) != 0:
        sys.exit("the proto does not compile")
    sys.path.insert(0, out)
    return (
        importlib.import_module("sojourn.session.v1.session_pb2"),
        importlib.import_module("sojourn.session.v1.session_pb2_grpc"),
    )


def connect(endpoint, cluster):
    """Opens a channel with the certificates that `sojourn up` made."""
    read = lambda name: pathlib.Path(cluster[name]).read_bytes()
    credentials = grpc.ssl_channel_credentials(
        root_certificates=read("ca_file"), private_key=read("key_file"), certificate_chain=read("cert_file")
    )
    return grpc.secure_channel(endpoint, credentials)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=pathlib.Path, default=pathlib.Path("sojourn-data"), help="folder of `sojourn up`")
    args = parser.parse_args()
    cluster = json.loads((args.data / "cluster.json").read_text())
    first = {}
    for node in cluster["nodes"]:
        first.setdefault(node["region"], node["address"])
    here, there = list(first)[0], list(first)[-1]

    pb, rpc = generated()
    sessions = {region: rpc.SessionServiceStub(connect(address, cluster)) for region, address in first.items()}

    created = sessions[here].Create(
        pb.CreateRequest(namespace="shop", changes=pb.Changes(set_attributes={"lang": pb.Value(text="de")}))
    )
    print(f"created in {here}")
    session = {"namespace": "shop", "session_id": created.session_id}

    updated = sessions[here].Update(
        pb.UpdateRequest(
            changes=pb.Changes(set_attributes={"cart": pb.Value(json='["book"]')}, add_counters={"visits": 1}),
            options=pb.WriteOptions(causal_token=created.causal_token, durability=pb.DURABILITY_SYNCED),
            **session,
        )
    )
    print("updated, synced to disk")

    read = sessions[there].Get(
        pb.GetRequest(options=pb.ReadOptions(causal_token=updated.causal_token), **session), timeout=5
    )
    assert read.session.attributes["lang"].text == "de", read
    assert read.session.attributes["cart"].json == '["book"]', read
    assert read.session.counters["visits"] == 1, read
    print(f"read in {there}: every field is there")

    revoked = sessions[there].Revoke(pb.RevokeRequest(reason="logout", **session))
    try:
        sessions[here].Get(
            pb.GetRequest(options=pb.ReadOptions(causal_token=revoked.causal_token), **session), timeout=5
        )
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.FAILED_PRECONDITION, error
        print(f"revoked in {there}, and {here} says: {error.details()}")
    else:
        sys.exit("a revoked session was served")


if __name__ == "__main__":
    main()
