"""The public client, with every answer checked by the schema that the references publish for it."""

import datetime as dt

import jsonschema
import taskcluster


def moment(**delta):
    """So long from now."""
    then = dt.datetime.now(dt.UTC) + dt.timedelta(**delta)
    return then.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Checked:
    def __init__(self, name, options, schemas):
        self.client = getattr(taskcluster, name.capitalize())(options)
        self._name, self._schemas = name, schemas

    def __getattr__(self, entry):
        def call(*args, **kwargs):
            answer = getattr(self.client, entry)(*args, **kwargs)
            published = self.client.funcinfo[entry]
            if "output" in published:
                uri = f"http://references.test/schemas/{self._name}/{published['output'].removesuffix('#')}"
                schema = self._schemas.get_or_retrieve(uri).value.contents
                based = {**schema, "$id": uri}
                jsonschema.Draft6Validator(based, registry=self._schemas).validate(answer)
            return answer

        return call
