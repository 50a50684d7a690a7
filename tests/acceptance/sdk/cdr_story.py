"""Files put together from chunks that come over HTTP and are kept in a directory."""

import random
import sys
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

from pachyderm_sdk.api import cdr, pfs, storage
from pachyderm_sdk.api.cdr.resolver import CdrResolver
from setting import branch_of, client, failure, make_repo, put, seen, tell

sys.setrecursionlimit(10_000)
repo = make_repo("pieces")
large = random.Random(7).randbytes(30_000_000)
files = {"/a/small": b"1", "/a/same": b"1", "/b/large": large, "/b/empty": b""}
commit = put(repo, files)
fileset = client.pfs.get_file_set(commit=commit).file_set_id


def tree(directory: Path) -> dict[str, bytes]:
    return {
        "/" + str(each.relative_to(directory)): each.read_bytes() for each in directory.rglob("*") if each.is_file()
    }


with tempfile.TemporaryDirectory() as name:
    cache, out = Path(name) / "cache", Path(name) / "out"

    client.storage.fetch_chunks(fileset, "/a/", cache_location=cache)
    seen["small"] = [each.name.split("_")[0] + "_" + each.name.split("_")[1] for each in cache.iterdir()]
    client.storage.fetch_chunks(fileset, "/", cache_location=cache)
    seen["many_chunks"] = len(list(cache.iterdir())) > 5
    seen["names"] = all(len(each.name) == len("blake2b_256_") + 64 for each in cache.iterdir())
    seen["bytes"] = sum(each.stat().st_size for each in cache.iterdir()) >= len(large)

    client.storage.assemble_fileset(fileset, "/", out, cache_location=cache, fetch_missing_chunks=False)
    seen["assembled"] = tree(out) == files
    ranged = Path(name) / "ranged"
    client.storage.assemble_fileset(
        fileset, storage.PathRange(lower="/b/", upper="/b/f"), ranged, cache_location=Path(name) / "fresh"
    )
    seen["range"] = [list(tree(ranged)), tree(ranged)["/b/empty"].decode()]
    missing = failure(
        lambda: client.storage.assemble_fileset(
            fileset, "/", out, cache_location=Path(name) / "none", fetch_missing_chunks=False
        )
    )
    seen["missing_chunk"] = missing[0]
    client.storage.fetch_chunks(fileset, "/a/small", cache_location=cache, prune=True)
    seen["pruned"] = len(list(cache.iterdir()))

    # Whoever reaches the server under another name says so.
    reference = next(iter(client.storage.read_fileset_cdr(fileset_id=fileset))).ref
    where = urlsplit(reference.concat.refs[0].slice.inner.content_hash.inner.http.url)
    elsewhere = CdrResolver(http_host_replacement=f"localhost:{where.port}")
    seen["host_replaced"] = elsewhere.resolve(reference).decode()
    unreachable = CdrResolver(http_host_replacement="localhost:1")
    seen["unreachable"] = failure(lambda: unreachable.resolve(reference))[0]
    gone = cdr.Ref(http=cdr.Http(url=where._replace(path="/chunks/00").geturl()))
    seen["gone"] = failure(lambda: CdrResolver().resolve(gone))

# What another commit adds is all that has to be fetched for it.
changed = large[:10_000_000] + b"changed" + large[10_000_000:]
second = put(repo, {"/b/large": changed})
with tempfile.TemporaryDirectory() as name:
    cache, out = Path(name) / "cache", Path(name) / "out"
    client.storage.fetch_chunks(fileset, "/b/large", cache_location=cache)
    before = {each.name for each in cache.iterdir()}
    newer = client.pfs.get_file_set(commit=pfs.Commit(branch=branch_of(repo), repo=repo)).file_set_id
    client.storage.assemble_fileset(newer, "/b/large", out, cache_location=cache)
    added = [each for each in cache.iterdir() if each.name not in before]
    seen["second"] = [tree(out) == {"/b/large": changed}, 0 < len(added) <= 3]
tell()
