"""The words of docs/sizing.md; the figures come from `sizing`."""

INTRODUCTION = """# Sizing

<!-- Written by `make bench`; not by hand. -->

What to set for a given load. Every figure here was measured on one machine ({machine}; [bench.md](bench.md) has
all of it), and another has others: `make bench` writes this page anew. CPU time per request carries over best,
as a multiple of your machine's.

## In short

A processor of the app answers some **{app_rate:,.0f} requests per second** for assessment data when it is busy
{busy:.0%} of the time, one of the database server's {database_rate:,.0f}. So, for requests per second at the
peak:

"""

SHAPES = """
`PROCESSES` is the processors for the app, rounded up, `THREADS` {threads} for a database as near as here
([below](#processes-and-threads)); memory is that of the workers alone, each as one of {memory_threads} threads
had it after {requests:,} requests{growing}.
`max_connections` has room for this instance, one more that is being started in its place, and {reserve} for
administrators: 2 × {formula} + {reserve}. Several instances share a load as several processes do. The app's and
the database's processors may be of one machine. `studentapi doctor --instances N` does the sum against the
server.

"""

COSTS = """## What a request costs

CPU time, at {size} attempts with {clients} clients. For another mix of requests, add up: requests per second ×
µs ÷ 10⁶ ÷ {busy} is the processors to have.

"""

PROCESSES_TEXT = """## PROCESSES and THREADS

Python's lock lets one thread of a process compute at a time, so processes make use of processors, and threads
wait for the database side by side. Measured with {clients} clients on {processors}, which client, app and
database share:

"""

THREADS_TEXT = """
"× the best" is of requests/s within each round: the median, the lowest and the highest. By it {best} is
ahead. {chosen} serves {times:.2f} times as many, and more threads do not serve {enough:.0%} more: so `THREADS`
above. Fewer than {fewest} are left out, since one slow statement would hold all of them that may use the
database. {more}Set `PROCESSES` to the processors that the app has to itself.

A process needs more threads the further away the database is. A request computes for {app_ms:.2f} ms, and waits
for *n* round trips of *r* ms and the {database_ms:.2f} ms that the database computes; and of two threads or more,
a worker's last never waits for the database. So 2 + (*n* × *r* + {database_ms:.2f}) ÷ {app_ms:.2f} threads keep a
process computing, {here:.1f} where *r* is 0. The default of `STUDENTAPI_THREADS` is {usual_threads}, for a
database that is further away than here: that is {of_them} for it, enough while *n* × *r* is up to
{reach_ms:.1f} ms.

With {knee} clients at once, {usual} serves {knee_rate:,.0f} requests/s: they are the fewest that are served
{share:.0%} of the most. {beyond}

"""

MORE_THREADS = """{most} serves {times:.2f} times as many as {chosen},
with {connections} connections instead of {instead} and a p99 of {p99} ms instead of {chosen_p99}. """

CONNECTIONS = """A thread opens a connection when it first needs one, and keeps it: a process of {threads}
threads had {connections} under load ([bench.md](bench.md#connections-by-threads)). Each takes {worker} of the
worker's memory, its thread included, and {server} of the database server's while it is idle, {hundred} for a
hundred; a large statement takes more for as long as it runs.

"""

POOL = """## The database's memory

An attempt takes {row:,.0f} bytes with its result, its indexes, and its share of students and classes. Where the
buffer pool (`innodb_buffer_pool_size`) holds all of it, requests take {grown}, by kind
([bench.md](bench.md)). Where it does not, requests wait for the disk. So set it to {room} × the data, or at
least to what is asked for in a term:

"""

SMALL_POOL = """
MySQL's and MariaDB's own default, {small}, against {pool}; median ms with {clients} clients on this machine's
disk:

"""

LIMITS = """## Rate limits

| setting | default | a second | when to change it |
| --- | --- | --: | --- |
| `STUDENTAPI_RATE_LIMIT_TOKEN` | {token} | {token_rate:,.0f} | one portal's token: twice its peak |
| `STUDENTAPI_RATE_LIMIT_ADDRESS` | {address} | {address_rate:,.0f} | one portal's or school's address |
| `STUDENTAPI_RATE_LIMIT_FAILURES` | {failures} | {failures_rate:,.0f} | never, but for tests |

A portal that asks for everybody has one token and one address: for {peak:,} requests/s at its peak, set both to
`{twice}` or more. A school whose browsers come through one NAT address counts as one address.

With `STUDENTAPI_RATE_LIMIT_STORAGE=memory` each instance counts by itself, so N instances let N times as much
through.

## Proxies

- One proxy in front: `STUDENTAPI_TRUSTED_PROXIES=1`. Left at 0, all clients share the proxy's address, and with
  it {address_rate:,.0f} requests per second.
- uWSGI answers one request for each connection; the proxy keeps connections to the clients. {queue} requests may
  wait for a thread (`listen` in uwsgi.ini, not above the kernel's `net.core.somaxconn`). While that many wait,
  the app has no rest: one processor of it answers {full_rate:,.0f} requests/s then, and the last of them waits
  {wait:.2f} s, less with more processors.
- A proxy between the app and the database (ProxySQL, MaxScale) needs as many connections to the app as
  `max_connections` above says: [connections.md](connections.md#sizing).

## Also

- **Writes** wait for the disk at each COMMIT (`innodb_flush_log_at_trx_commit=1`, without which a crash of the
  server loses what was acknowledged). Recording an attempt took {write_ms:.1f} ms here, by one client; on a
  slower disk more threads help, since they wait side by side.
- **Lists with a filter that hardly any row matches** (`state=`, `percent.lt=`) read on until they have their
  page: at {size} attempts the slowest took {rare:.1f} s, and past `STUDENTAPI_STATEMENT_TIMEOUT` the answer is
  504. Ask for an `assessment_id` or a `student_id` beside it.
- **`wait_timeout`** may be anything: connections that the server closed are replaced without a failed request.
"""
