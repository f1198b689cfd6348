"""GitHub Actions and GitLab CI: repositories that check and grade on submission."""
