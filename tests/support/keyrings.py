"""Keyrings as the backends of `keyring` are used: one that keeps, and one that fails."""


class Backend:
    """Keeps what it is given."""

    def __init__(self):
        self.kept = {}

    def set_password(self, service, name, value):
        self.kept[service, name] = value

    def get_password(self, service, name):
        return self.kept.get((service, name))

    def delete_password(self, service, name):
        del self.kept[service, name]


class Raising(Backend):
    """Raises an error whatever it is asked."""

    def __init__(self, error):
        super().__init__()
        self.error = error

    def get_password(self, service, name):
        raise self.error

    def set_password(self, service, name, value):
        raise self.error
