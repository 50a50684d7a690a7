"""How pipelines and jobs are doing, as pure decisions where that can be."""
