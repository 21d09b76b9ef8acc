"""What people and scripts see. Everything shown is printed from one document."""
