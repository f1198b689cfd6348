"""What a unit's tests, mistakes and alternatives import, and what makes them run.

- declarations: `exercise`, `mistake`, `alternative`;
- inputs: `given`, `tensors`, `Case`, `dtypes`, `sizes`, `labels`, `lay_out`;
- comparisons: `assert_close`, `assert_inputs_unchanged`;
- the fixtures `student`, `reference` and `device`, from `plugin`, which pytest loads by itself;
- `Student`, `Reference`, `CallRecord`: the code under test and what it was asked.

The public names are those of ``__init__.pyi``; each is imported when it is first asked for.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
