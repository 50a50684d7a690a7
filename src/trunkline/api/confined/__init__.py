"""What users wrote in jq and Jsonnet, run where it can neither see nor hold anything of the server."""
