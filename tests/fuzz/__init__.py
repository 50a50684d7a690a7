"""Random input for every door: what a server is told must neither break it nor keep it busy."""
