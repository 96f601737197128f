"""Answers of AWS services that were cut off, as by a kill, are no answers."""
import botocore.exceptions


def must_be_whole(response_dict, **_):
    """The emulator always says how long an answer is; without that, its head was cut off."""
    got, promised = len(response_dict["body"]), int(response_dict["headers"].get("content-length", -1))
    if got != promised:
        raise botocore.exceptions.IncompleteReadError(actual_bytes=got, expected_bytes=promised)


def whole_answers(client):
    """botocore takes an answer whose body was cut off, as by a kill, for one without members; here it is no answer."""
    client.meta.events.register("before-parse", must_be_whole)
    return client
