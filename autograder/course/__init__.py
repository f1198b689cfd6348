"""A course on disk: units, exercises, points, policy, the percent format.

Everything is read from the text of the course's files, without running them and without torch.

- `find_course`, `find_staff_course`, `Course`: where a course is, and for whom;
- `Unit`, `Exercise`, `find_unit`, `find_targets`: what there is to do, and what a name means;
- `Policy`: ``course.toml``;
- `mistakes`, `alternatives`: the known variants of a unit's reference;
- `CourseError`: something in the course's own files is wrong.

The public names are those of ``__init__.pyi``; each is imported when it is first asked for.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
