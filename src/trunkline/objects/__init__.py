"""Object stores: immutable bytes by key."""

from trunkline.objects.open import open_object_store
from trunkline.objects.store import ObjectNotFoundError, ObjectStore, Upload

__all__ = ["ObjectNotFoundError", "ObjectStore", "Upload", "open_object_store"]
