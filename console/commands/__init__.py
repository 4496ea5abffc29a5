"""The argparse face of the console's actions."""
