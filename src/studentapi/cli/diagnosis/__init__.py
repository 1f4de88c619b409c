"""What `studentapi doctor` looks at: a file for each kind of check, each giving findings."""
