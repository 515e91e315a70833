"""`python -m mcucc`."""

from mcucc.cli import main

if __name__ == "__main__":
    main()
