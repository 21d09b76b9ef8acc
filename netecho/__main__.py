"""`python -m netecho` is `netecho`."""

from netecho.cli import main

if __name__ == "__main__":
    main()
