"""What people read: self-contained HTML pages, and decisions in words."""
