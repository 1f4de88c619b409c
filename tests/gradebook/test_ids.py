import os
from uuid import UUID

from studentapi.gradebook.ids import new_id


def test_ids_are_uuids_of_version_7_in_the_order_of_their_making() -> None:
    made = [new_id() for _ in range(50_000)]
    assert made == sorted(set(made))
    assert {(UUID(one).version, UUID(one).variant) for one in made} == {(7, "specified in RFC 4122")}


def test_forked_processes_make_different_ids() -> None:
    new_id()
    reading, writing = os.pipe()
    if os.fork() == 0:
        os.write(writing, "\n".join(new_id() for _ in range(1000)).encode())
        os._exit(0)
    os.close(writing)
    here = {new_id() for _ in range(1000)}
    os.wait()
    with os.fdopen(reading) as there:
        assert not here & set(there.read().split())
