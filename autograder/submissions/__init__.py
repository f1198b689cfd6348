"""The submissions room: what arrives, and the checked copy that is graded.

`discover` finds every attempt of every student under the paths the staff name: plain folders,
archives, modules and notebooks, and downloads from Canvas, Moodle and Gradescope. `whole` takes a
path for one student's attempt. `read` makes from one attempt the checked copy of one unit's work.

Everything here is handed in by others. So files are read as text and data only, with bounds, links
are never followed, archives are read in memory and never unpacked to disk, and whatever is wrong
ends in an `Unreadable` whose text is a sentence for the person who handed it in.
"""
