"""A hook that wants a word, and the scopes that its role needs."""

HOOK = {
    "metadata": {"name": "h", "description": "d", "owner": "a@example.com"},
    "task": {
        "taskQueueId": "proj-balrog/ci",
        "created": {"$fromNow": ""},
        "deadline": {"$fromNow": "1 hour"},
        "payload": {"maxRunTime": 60, "command": [["echo", "${payload.word}", "${payload.deep.times}"]]},
        "metadata": {
            "name": "of ${payload.word}",
            "description": "d",
            "owner": "a@b.c",
            "source": "https://b.c",
        },
    },
    "triggerSchema": {
        "type": "object",
        "required": ["word"],
        "additionalProperties": False,
        "properties": {
            "word": {"type": "string"},
            "deep": {
                "type": "object",
                "default": {},
                "properties": {"times": {"type": "integer", "default": 3}},
            },
        },
    },
}
ROLE = (
    "queue:create-task:lowest:proj-balrog/ci",
    "queue:create-task:project:none",
    "queue:scheduler-id:-",
)
