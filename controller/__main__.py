"""`python -m controller`: the same as the `loquet` command."""

from controller.commands import main

main()
