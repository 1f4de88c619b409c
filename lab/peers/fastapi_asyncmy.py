"""FastAPI with asyncmy under uvicorn: a pool that the lifespan opens, async views, orjson, and plain SQL."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Annotated, Any

import asyncmy
from fastapi import FastAPI, Header, HTTPException, Path, Query, Response
from fastapi.responses import PlainTextResponse

from lab.answers.configuration import HOUR, connections, pymysql_options
from lab.peers import attempts, bearers, figures, recording, statements
from lab.peers.recording import Item, Recording, Refused, Rules


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Keep a pool while the process serves."""
    options = pymysql_options()
    most = connections()
    app.state.pool = await asyncmy.create_pool(
        host=options["host"],
        port=options["port"],
        user=options["user"],
        password=options["password"],
        db=options["database"],
        charset="utf8mb4",
        init_command=statements.SESSION,
        autocommit=True,
        minsize=most,
        maxsize=most,
        pool_recycle=int(HOUR),
    )
    yield
    app.state.pool.close()
    await app.state.pool.wait_closed()


application = FastAPI(lifespan=lifespan)

Id = Annotated[str, Path(pattern=f"^{recording.ID}$")]


def acquire() -> Any:
    """A connection of the pool, for a request; yielded by a dependency, it would cost a small one more."""
    return application.state.pool.acquire()


Authorization = Annotated[str | None, Header()]


async def query(connection: Any, sql: str, *params: object) -> Sequence[tuple[Any, ...]]:
    """The rows of a statement."""
    async with connection.cursor() as cursor:
        await cursor.execute(sql, params)
        rows: Sequence[tuple[Any, ...]] = await cursor.fetchall()
    return rows


async def authorize(
    connection: Any, authorization: str | None, scope: str, student_id: str | None = None
) -> None:
    """End the request unless the bearer may."""
    rows = await query(connection, statements.BEARER, bearers.digest(authorization))
    status = bearers.refusal(rows[0] if rows else None, scope, student_id)
    if status is not None:
        raise HTTPException(status)


def answer(body: Any, status: int = 200) -> Response:
    """JSON."""
    return Response(figures.dumps(body), status, media_type="application/json")


@application.get("/")
async def city(city: str) -> PlainTextResponse:
    """The city's number."""
    async with acquire() as connection:
        rows = await query(connection, "SELECT city_id FROM city WHERE city = %s ORDER BY city_id LIMIT 1", city)
    if not rows:
        return PlainTextResponse(f'City "{city}" not found', 404)
    return PlainTextResponse(f'City "{city}" is #{rows[0][0]}')


@application.get("/api/v1/students/{student_id}/chapters/{chapter_id}/assessment-data")
async def assessment_data(student_id: Id, chapter_id: Id, authorization: Authorization = None) -> Response:
    """A student's assessment data in a chapter."""
    async with acquire() as connection:
        await authorize(connection, authorization, "read", student_id)
        rows = await query(connection, statements.ASSESSMENT_DATA, student_id, chapter_id)
    if not rows:
        raise HTTPException(404)
    return answer(figures.assessment_data(rows, figures.utc_now()))


@application.get("/api/v1/attempts")
async def list_attempts(
    limit: Annotated[int, Query(ge=1, le=attempts.MOST)] = 100,
    cursor: Annotated[str, Query(pattern=f"^{recording.ID}$")] = "",
    authorization: Authorization = None,
) -> Response:
    """A page of attempts."""
    async with acquire() as connection:
        await authorize(connection, authorization, "read")
        sql, params = statements.attempts(cursor, limit + 1)
        rows = await query(connection, sql, *params)
    return answer(attempts.page(rows, limit))


@application.get("/api/v1/classes/{class_id}/chapters/{chapter_id}/statistics")
async def statistics(class_id: Id, chapter_id: Id, authorization: Authorization = None) -> Response:
    """The statistics of a class in a chapter."""
    async with acquire() as connection:
        await authorize(connection, authorization, "read")
        rows = await query(connection, statements.CLASS, class_id, chapter_id)
        if not rows:
            raise HTTPException(404)
        of = figures.Outline(*rows[0])
        sql, params = statements.students(of.class_key, of.chapter_key, figures.utc_now())
        students = await query(connection, sql, *params)
    return answer(figures.class_statistics(of, [figures.Student(*row) for row in students]))


@application.post("/api/v1/attempts")
async def record_attempt(given: Recording, authorization: Authorization = None) -> Response:
    """Record an attempt with its responses, graded, and what counts of it."""
    async with acquire() as connection:
        await authorize(connection, authorization, "write")
        await connection.begin()
        try:
            attempt = await _record(connection, given)
        except Refused as refused:
            await connection.rollback()
            raise HTTPException(refused.status, refused.detail) from None
        except BaseException:
            await connection.rollback()
            raise
        await connection.commit()
    return answer(attempt.shown(given), 201)


async def _record(connection: Any, given: Recording) -> recording.Attempt:
    enrolled = await query(connection, statements.ENROLLMENT, given.student_id, given.assessment_id)
    if not enrolled:
        raise Refused(409, "The student is not enrolled.")
    student, withdrawn_on, now = enrolled[0]
    if withdrawn_on is not None and given.submitted_at.date() >= withdrawn_on:
        raise Refused(409, "The student has withdrawn.")
    rules = Rules(*(await query(connection, statements.RULES, student, given.assessment_id))[0])
    items = [Item(*row) for row in await query(connection, statements.ITEMS, rules.id)]
    attempt = recording.attempt(given, rules, items, now)
    async with connection.cursor() as cursor:
        await cursor.execute(statements.INSERT_ATTEMPT, attempt.columns(rules.id, student))
        inner = cursor.lastrowid
        await cursor.executemany(statements.INSERT_RESPONSES, [(inner, *one) for one in attempt.responses])
    percents = [percent for (percent,) in await query(connection, statements.PERCENTS, student, rules.id)]
    percent = recording.counted(rules.counted, percents)
    await query(connection, statements.KEEP_RESULT, student, rules.id, percent, percent)
    return attempt
