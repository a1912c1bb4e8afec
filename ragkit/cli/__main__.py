"""`python -m ragkit.cli` is `ragkit`."""

from ragkit.cli.app import main

if __name__ == "__main__":
    main()
