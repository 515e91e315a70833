"""`python -m mcucc`."""

from mcucc.cli.main import main

if __name__ == "__main__":
    main()
