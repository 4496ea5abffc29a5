"""The console's screens: the Textual face of the actions, one file a screen."""
