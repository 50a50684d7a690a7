"""The wire: our .proto files, compatible with Pachyderm 2.12, and the code generated from them."""
