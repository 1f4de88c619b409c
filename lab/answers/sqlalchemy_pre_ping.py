"""Flask-SQLAlchemy with pool_pre_ping: a connection is pinged when it is fetched."""

from __future__ import annotations

from flask import Flask, request
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from lab.answers.configuration import connections, sqlalchemy_url

application = Flask(__name__)
application.config["SQLALCHEMY_DATABASE_URI"] = sqlalchemy_url()
application.config["SQLALCHEMY_ENGINE_OPTIONS"] = {"pool_size": connections(5), "pool_pre_ping": True}


class Base(DeclarativeBase):
    """What the models have in common."""


class City(Base):
    """A city of Sakila's."""

    __tablename__ = "city"
    city_id: Mapped[int] = mapped_column(primary_key=True)
    city: Mapped[str]


class Record(Base):
    """A row for each POST."""

    __tablename__ = "record"
    id: Mapped[int] = mapped_column(primary_key=True)
    request_key: Mapped[str]


db = SQLAlchemy(application, model_class=Base)


@application.get("/")
def city() -> tuple[str, int]:
    """The city's number."""
    name = request.args["city"]
    wanted = db.select(City).where(City.city == name).order_by(City.city_id).limit(1)
    found = db.session.scalar(wanted)
    if found is None:
        return f'City "{name}" not found', 404
    return f'City "{name}" is #{found.city_id}', 200


@application.post("/")
def record() -> tuple[str, int]:
    """Record a row."""
    db.session.add(Record(request_key=request.form["key"]))
    db.session.commit()
    return "recorded", 201
