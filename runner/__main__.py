"""`python -I -m runner`: -I keeps a checkout's own `runner/` from being run instead."""

import sys

from runner.cli import main

sys.exit(main())
