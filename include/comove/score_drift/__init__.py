"""Where in the funnel, since when and by how much the application score has drifted."""
