from .integration import Annotator, Gradebook, Integration
from .table import annotators, gradebooks, integrations, platforms, release_formats, report_formats

__all__ = [
    "Annotator",
    "Gradebook",
    "Integration",
    "annotators",
    "gradebooks",
    "integrations",
    "platforms",
    "release_formats",
    "report_formats",
]
