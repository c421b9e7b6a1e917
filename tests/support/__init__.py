"""What tests share: references, models, benches and small inputs. No tests.

`tests/` is on the path of pytest (pyproject.toml) and of what the Makefile runs there, and so of the
simulators that these start.

- References: `reference`, `flit_machine`, `nir_reader`, `finite_difference`.
- In Amaranth's simulator: `bench`, and on it `core_bench`, `pe_bench`, `fabric`, `chip_host`.
- In Verilator: `blocks` builds single blocks, `router_mesh` among them, and runs benches on them; `streams`
  moves their flits; `block_cases`, `chip_cases` and `corner_cases` (of convolution) are what is run, `tiles`
  what a PE of a convolution holds. What must come out: `pe_model`, `pe_driver`, `routes`, `words`. What must
  not go in: `attack`, `wrong_packets`.
- Inputs: `small_files`, `own_sets`, `quarters`, `nir_graphs`, `mini_liberty`.
"""
