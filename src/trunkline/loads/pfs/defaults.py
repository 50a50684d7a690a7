"""The load tests that run when none is given: about 0.5 GB in 75 files, 83 MB in 150,000, and 0.8 GB in 15."""

_FEW_MIXED = """\
count: 3
modifications:
- count: 5
  putFile: {count: 5, source: random}
fileSources:
- name: random
  random:
    directory: {depth: {min: 0, max: 3}, run: 3}
    sizes:
    - {min: 1000, max: 10000, prob: 30}
    - {min: 10000, max: 100000, prob: 30}
    - {min: 1000000, max: 10000000, prob: 30}
    - {min: 10000000, max: 100000000, prob: 10}
validator: {frequency: {count: 1}}
"""
_MANY_SMALL = """\
count: 3
modifications:
- count: 5
  putFile: {count: 10000, source: random}
fileSources:
- name: random
  random:
    sizes:
    - {min: 100, max: 1000, prob: 100}
validator: {frequency: {count: 1}}
"""
_FEW_LARGE = """\
count: 3
modifications:
- count: 5
  putFile: {count: 1, source: random}
fileSources:
- name: random
  random:
    sizes:
    - {min: 10000000, max: 100000000, prob: 100}
validator: {frequency: {count: 1}}
"""
DEFAULT_LOAD_SPECS = (_FEW_MIXED, _MANY_SMALL, _FEW_LARGE)
