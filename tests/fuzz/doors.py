"""All doors by name."""

from tests.fuzz.grpc_door import GrpcDoor
from tests.fuzz.http_door import HttpDoor
from tests.fuzz.run import Door
from tests.fuzz.tar_door import TarDoor
from tests.fuzz.text_doors import TEXT_DOORS

DOORS: dict[str, Door] = {door.name: door for door in (GrpcDoor(), HttpDoor(), *TEXT_DOORS, TarDoor())}
